//! Places: how much is worked on at once, by all callers together and by each one.
//!
//! A request holds its places in [`Held`] until it is answered. It takes one of the process only when its body is there,
//! so that a slow client keeps nobody else out; what one caller may hold, bodies that are still on their way included,
//! is a share that leaves room for the others.

use crate::config::Server;
use crate::error::{ApiError, Reason};
use moka::sync::Cache;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Callers remembered at once; the least active leave first.
const MOST_CALLERS: u64 = 10_000;
/// A caller without a request for so long holds nothing that would have to be remembered.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// Bodies of one caller that are read at the same time, in KiB; at least one of the largest fits.
const BODIES_KIB: usize = 32 * 1024;
/// How long a list waits for the caller's other lists.
const LIST_WAITS: Duration = Duration::from_secs(5);

/// All places of a process.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    each: usize,
    lists: usize,
    bodies: usize,
    callers: Cache<String, Arc<Share>>,
}

/// What one caller may hold.
#[derive(Debug)]
pub(crate) struct Share {
    requests: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    /// In KiB.
    bodies: Arc<Semaphore>,
}

/// What one request holds; dropped with its last clone. Travels with the request as an extension.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held(Arc<Mutex<Vec<OwnedSemaphorePermit>>>);

impl Held {
    fn keep(&self, permit: OwnedSemaphorePermit) {
        self.0.lock().push(permit);
    }
}

impl Places {
    pub(crate) fn new(server: &Server) -> Self {
        Self {
            all: Arc::new(Semaphore::new(server.max_in_flight)),
            each: server.max_in_flight_per_caller,
            lists: server.max_lists_per_caller,
            bodies: BODIES_KIB.max(kib(server.max_body_bytes)),
            callers: Cache::builder().max_capacity(MOST_CALLERS).time_to_idle(FORGOTTEN_AFTER).build(),
        }
    }

    /// Takes one of the process' places.
    pub(crate) fn take(&self, held: &Held) -> Result<(), ApiError> {
        let place =
            Arc::clone(&self.all).try_acquire_owned().map_err(|_| ApiError::from(Reason::Overloaded))?;
        held.keep(place);
        Ok(())
    }

    /// The share of a caller.
    pub(crate) fn share(&self, caller: &str) -> Arc<Share> {
        let full = || {
            Arc::new(Share {
                requests: Arc::new(Semaphore::new(self.each)),
                lists: Arc::new(Semaphore::new(self.lists)),
                bodies: Arc::new(Semaphore::new(self.bodies)),
            })
        };
        self.callers.get_with_by_ref(caller, full)
    }
}

impl Share {
    /// Takes one of the caller's places.
    pub(crate) fn take(&self, held: &Held) -> Result<(), ApiError> {
        let place = Arc::clone(&self.requests).try_acquire_owned();
        held.keep(place.map_err(|_| ApiError::from(Reason::TooManyRequests))?);
        Ok(())
    }

    /// Waits until a body of at most `most` bytes may be read. The room is given back once it is dropped.
    pub(crate) async fn body(&self, most: usize) -> Option<OwnedSemaphorePermit> {
        // A configured body is at most 1 GiB, which fits. The semaphore is never closed.
        let wanted = u32::try_from(kib(most)).unwrap_or(u32::MAX);
        Arc::clone(&self.bodies).acquire_many_owned(wanted).await.ok()
    }

    /// Waits until the caller's other lists leave room for one more.
    pub(crate) async fn list(&self, held: &Held) -> Result<(), ApiError> {
        let place = tokio::time::timeout(LIST_WAITS, Arc::clone(&self.lists).acquire_owned()).await;
        // The semaphore is never closed.
        let place = place.ok().and_then(Result::ok).ok_or_else(|| ApiError::from(Reason::TooManyRequests))?;
        held.keep(place);
        Ok(())
    }
}

const fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let server = crate::config::load_from(None, Vec::new()).unwrap().server;
        Places::new(&Server {
            max_in_flight: 3,
            max_in_flight_per_caller: 2,
            max_lists_per_caller: 1,
            ..server
        })
    }

    #[test]
    fn a_caller_has_a_share_that_leaves_room_for_others_and_gets_it_back() {
        let (places, held) = (places(), Held::default());
        assert_eq!(places.share("ann").take(&held), Ok(()));
        assert_eq!(places.share("ann").take(&held), Ok(()));
        assert_eq!(places.share("ann").take(&held), Err(Reason::TooManyRequests.into()));
        assert_eq!(places.share("bob").take(&Held::default()), Ok(()));
        drop(held);
        assert_eq!(places.share("ann").take(&Held::default()), Ok(()));
    }

    #[test]
    fn past_its_places_a_process_takes_nothing_on() {
        let (places, held) = (places(), Held::default());
        for _ in 0..3 {
            assert_eq!(places.take(&held), Ok(()));
        }
        assert_eq!(places.take(&held), Err(Reason::Overloaded.into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_waits_for_the_callers_other_lists_and_for_nobody_elses() {
        let (places, held) = (places(), Held::default());
        places.share("ann").list(&held).await.unwrap();
        places.share("bob").list(&Held::default()).await.unwrap();
        assert_eq!(places.share("ann").list(&Held::default()).await, Err(Reason::TooManyRequests.into()));
        let share = places.share("ann");
        let second = tokio::spawn(async move { share.list(&Held::default()).await });
        drop(held);
        assert_eq!(second.await.unwrap(), Ok(()));
    }
}
