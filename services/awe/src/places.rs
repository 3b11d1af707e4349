//! Places: permits that bound how many requests are worked on at once, by the process and by each caller.
//!
//! A request keeps its permits in [`Held`] until it is answered. It takes a permit of the process only after its body has
//! arrived, so that clients that send slowly do not use up the process. Each caller has a share of its own, which counts
//! bodies that are still arriving too, so that no single caller can take every permit.

mod streams;

pub(crate) use streams::StreamPlace;

use crate::config::Server;
use crate::error::{ApiError, Reason};
use moka::sync::Cache;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use streams::Streams;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Callers whose shares are kept; the least recently used leave first.
const MOST_CALLERS: u64 = 10_000;
/// Idle time after which a share is dropped. It is longer than any request, so a dropped share has no permits out.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// Memory for the bodies of one caller that arrive at the same time, in KiB. The share is never smaller than the
/// largest body that is accepted.
const BODIES_KIB: usize = 32 * 1024;
/// How long a list waits for the caller's other lists.
const LIST_WAITS: Duration = Duration::from_secs(5);

/// The permits of a process.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    each: usize,
    lists: usize,
    bodies: usize,
    streams: Arc<Streams>,
    callers: Cache<String, Arc<Share>>,
}

/// The permits of one caller.
#[derive(Debug)]
pub(crate) struct Share {
    requests: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    /// In KiB.
    bodies: Arc<Semaphore>,
}

/// The permits of one request, kept in its extensions. They are given back when the last clone is dropped.
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
            streams: Arc::new(Streams::new(server)),
            callers: Cache::builder().max_capacity(MOST_CALLERS).time_to_idle(FORGOTTEN_AFTER).build(),
        }
    }

    /// Takes a permit of the process, or refuses the request.
    pub(crate) fn take(&self, held: &Held) -> Result<(), ApiError> {
        let place =
            Arc::clone(&self.all).try_acquire_owned().map_err(|_| ApiError::from(Reason::Overloaded))?;
        held.keep(place);
        Ok(())
    }

    /// Takes a place for a stream of this caller, or refuses it. It is kept for as long as the stream is open; the
    /// permits of the request go back when the stream begins, so streams take nothing from other requests.
    pub(crate) fn stream(&self, caller: &str) -> Result<StreamPlace, ApiError> {
        self.streams.take(caller)
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
    /// Takes a permit of the caller, or refuses the request.
    pub(crate) fn take(&self, held: &Held) -> Result<(), ApiError> {
        let place = Arc::clone(&self.requests).try_acquire_owned();
        held.keep(place.map_err(|_| ApiError::from(Reason::TooManyRequests))?);
        Ok(())
    }

    /// Waits until `most` bytes of the caller's memory for bodies are free, and takes them until the permit is dropped.
    pub(crate) async fn body(&self, most: usize) -> Option<OwnedSemaphorePermit> {
        // Fits: the configuration accepts bodies of at most 1 GiB. `None` cannot happen: the semaphore is never closed.
        let wanted = u32::try_from(kib(most)).unwrap_or(u32::MAX);
        Arc::clone(&self.bodies).acquire_many_owned(wanted).await.ok()
    }

    /// Waits for a permit for one more list of the caller, and refuses it when none comes free in time.
    pub(crate) async fn list(&self, held: &Held) -> Result<(), ApiError> {
        let place = tokio::time::timeout(LIST_WAITS, Arc::clone(&self.lists).acquire_owned()).await;
        // The inner error cannot happen: the semaphore is never closed.
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
