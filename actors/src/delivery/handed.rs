//! Webhooks that the commit which made them leased to this process: they are sent without asking the database for them.
//!
//! Order: those of one request are sent one after the other as they were handed over. The database leases a later one
//! in this way only while every earlier one that is untried is leased to the same lane. So whenever the lane lets go of
//! an untried one (it gives it back, or does not know what became of a commit), it takes nothing until that one can be
//! leased by others.

use super::shares::Share;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::deliveries::Leased;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

/// One webhook that was handed over.
pub(super) struct Waiting {
    pub(super) delivery: Leased,
    /// An attempt that starts later could outlive its lease.
    pub(super) start_by: Instant,
    _place: Arc<Place>,
}

/// What the webhooks of one transition take in memory until they begin.
pub(super) struct Place {
    pub(super) _of_lane: OwnedSemaphorePermit,
    /// The caller's share of what this process keeps.
    pub(super) _of_process: Share,
}

impl Waiting {
    pub(super) fn all(deliveries: Vec<Leased>, start_by: Instant, place: Place) -> Vec<Self> {
        let place = Arc::new(place);
        let wait = |delivery| Self { delivery, start_by, _place: Arc::clone(&place) };
        deliveries.into_iter().map(wait).collect()
    }
}

/// What waits in one lane.
pub(super) struct Handed(Mutex<State>);

struct State {
    /// Requests whose webhooks wait for an attempt, in the order in which they came.
    queue: VecDeque<Uuid>,
    /// The webhooks of each request that is in the queue or under way.
    of_request: HashMap<Uuid, Vec<Waiting>>,
    /// Returns of webhooks that are under way.
    returning: usize,
    /// Who asked for room before this moment gets none.
    open_since: Instant,
}

impl Handed {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            queue: VecDeque::new(),
            of_request: HashMap::new(),
            returning: 0,
            open_since: Instant::now(),
        }))
    }

    /// Whether more may be handed over: the order is known.
    pub(super) fn is_open(&self) -> bool {
        self.0.lock().is_open_to(Instant::now())
    }

    /// Takes webhooks of one request, whose room was asked for at `asked`. They are returned if the order could be lost.
    pub(super) fn put(&self, asked: Instant, webhooks: Vec<Waiting>) -> Result<(), Vec<Waiting>> {
        let mut state = self.0.lock();
        if !state.is_open_to(asked) {
            return Err(webhooks);
        }
        let Some(request) = webhooks.first().map(|first| first.delivery.event.request_id) else {
            return Ok(());
        };
        let State { queue, of_request, .. } = &mut *state;
        let others = of_request.entry(request).or_insert_with(|| {
            queue.push_back(request);
            Vec::new()
        });
        others.extend(webhooks);
        Ok(())
    }

    /// How many requests wait, and by when the first has to be begun.
    pub(super) fn waiting(&self) -> (usize, Option<Instant>) {
        let state = self.0.lock();
        let first = state.queue.front().and_then(|request| state.of_request.get(request)?.first());
        (state.queue.len(), first.map(|first| first.start_by))
    }

    /// Takes the next request out of the queue, and what was handed over of it.
    fn begin(&self) -> Option<(Uuid, Vec<Waiting>)> {
        let mut state = self.0.lock();
        let request = state.queue.pop_front()?;
        let webhooks = state.of_request.get_mut(&request).map(std::mem::take).unwrap_or_default();
        Some((request, webhooks))
    }

    /// What was handed over of a request that is under way. `None`: nothing, and it is under way no longer.
    fn more(&self, request: Uuid) -> Option<Vec<Waiting>> {
        let mut state = self.0.lock();
        let webhooks = state.of_request.get_mut(&request).map(std::mem::take).unwrap_or_default();
        if webhooks.is_empty() {
            state.of_request.remove(&request);
            return None;
        }
        Some(webhooks)
    }

    fn end(&self, request: Uuid) -> Vec<Waiting> {
        self.0.lock().of_request.remove(&request).unwrap_or_default()
    }

    /// Takes out the first request that waits, if it should have begun by `now`; at any rate with `None`.
    pub(super) fn late(&self, now: Option<Instant>) -> Option<Vec<Waiting>> {
        let mut state = self.0.lock();
        let request = *state.queue.front()?;
        let webhooks = state.of_request.get(&request)?;
        if webhooks.first().zip(now).is_some_and(|(first, now)| now < first.start_by) {
            return None;
        }
        state.queue.pop_front();
        state.of_request.remove(&request)
    }

    /// Takes nothing more until [`Handed::returned`].
    pub(super) fn returning(&self) {
        self.0.lock().returning += 1;
    }

    /// Untried webhooks are in the hands of others again, or will be after `rest`.
    pub(super) fn returned(&self, rest: Duration) {
        let mut state = self.0.lock();
        state.returning = state.returning.saturating_sub(1);
        state.rest(rest);
    }

    /// Takes nothing more before `rest` has passed: untried webhooks are leased to this lane, and nobody will send them
    /// before the lease ends.
    pub(super) fn lost(&self, rest: Duration) {
        self.0.lock().rest(rest);
    }
}

impl State {
    fn is_open_to(&self, asked: Instant) -> bool {
        self.returning == 0 && asked >= self.open_since
    }

    fn rest(&mut self, rest: Duration) {
        self.open_since = self.open_since.max(Instant::now() + rest);
    }
}

/// A request of a lane whose webhooks are being sent as they are handed over. Dropped before its end, which only a fault
/// does, it counts as lost.
pub(super) struct UnderWay {
    handed: Arc<Handed>,
    request: Uuid,
    lease: Duration,
    has_ended: bool,
}

impl UnderWay {
    /// Begins the next request that waits, whose lease lasts so long.
    pub(super) fn begin(handed: &Arc<Handed>, lease: Duration) -> Option<(Self, Vec<Waiting>)> {
        let (request, webhooks) = handed.begin()?;
        Some((Self { handed: Arc::clone(handed), request, lease, has_ended: false }, webhooks))
    }

    /// What was handed over since. `None`: nothing, and this is its end.
    pub(super) fn more(&mut self) -> Option<Vec<Waiting>> {
        if self.has_ended {
            return None;
        }
        let more = self.handed.more(self.request);
        self.has_ended = more.is_none();
        more
    }

    /// Ends it, and returns what was handed over since.
    pub(super) fn end(&mut self) -> Vec<Waiting> {
        if std::mem::replace(&mut self.has_ended, true) { Vec::new() } else { self.handed.end(self.request) }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.has_ended {
            self.handed.end(self.request);
            self.handed.lost(self.lease);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::shares::Shares;
    use schemas::event::{WebhookEvent, ping};
    use time::OffsetDateTime;
    use tokio::sync::Semaphore;

    fn webhooks(request: Uuid, count: usize, start_by: Instant) -> Vec<Waiting> {
        let about = |id| WebhookEvent {
            request_id: request,
            ..ping(id, Uuid::nil(), "somebody", OffsetDateTime::UNIX_EPOCH)
        };
        let leased = |_| Leased {
            id: Uuid::now_v7(),
            token: Uuid::nil(),
            attempt: 0,
            url: "https://a.example".to_owned(),
            caller_service: "caller".to_owned(),
            callback_secret_id: None,
            event: about(Uuid::now_v7()),
            trace: None,
        };
        let place = Place {
            _of_lane: Arc::new(Semaphore::new(1)).try_acquire_owned().expect("it is free"),
            _of_process: Shares::new(8).try_take(&Arc::from("caller")).expect("there is room"),
        };
        Waiting::all((0..count).map(leased).collect(), start_by, place)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn what_comes_while_a_request_is_under_way_follows_it_and_begins_nothing() {
        let (handed, one, other) = (Handed::new(), Uuid::now_v7(), Uuid::now_v7());
        let now = Instant::now();
        assert!(handed.put(now, webhooks(one, 2, soon())).is_ok());
        assert!(handed.put(now, webhooks(one, 1, soon())).is_ok());
        assert_eq!(handed.begin().map(|(request, found)| (request, found.len())), Some((one, 3)));
        assert!(handed.put(now, webhooks(one, 1, soon())).is_ok());
        assert!(handed.put(now, webhooks(other, 1, soon())).is_ok());
        assert_eq!(handed.waiting().0, 1, "the first is under way");
        assert_eq!(handed.more(one).map(|more| more.len()), Some(1));
        assert!(handed.more(one).is_none(), "it has ended");
        assert!(handed.put(now, webhooks(one, 1, soon())).is_ok());
        assert_eq!(handed.begin().map(|(request, _)| request), Some(other));
        assert_eq!(handed.begin().map(|(request, _)| request), Some(one), "and begins again");
    }

    #[test]
    fn nothing_is_taken_that_could_overtake_what_is_given_back() {
        let (handed, asked) = (Handed::new(), Instant::now());
        assert!(handed.is_open());
        handed.returning();
        assert!(!handed.is_open());
        assert_eq!(handed.put(asked, webhooks(Uuid::nil(), 2, soon())).map_err(|back| back.len()), Err(2));
        handed.returned(Duration::ZERO);
        assert!(
            handed.put(asked, webhooks(Uuid::nil(), 1, soon())).is_err(),
            "its commit may have been earlier"
        );
        assert!(handed.is_open(), "but from now on the database knows");
        handed.lost(Duration::from_secs(60));
        assert!(!handed.is_open());
        assert!(handed.put(Instant::now(), webhooks(Uuid::nil(), 1, soon())).is_err());
    }

    #[test]
    fn what_waits_too_long_is_taken_out() {
        let (handed, begun) = (Handed::new(), Instant::now());
        assert!(handed.put(begun, webhooks(Uuid::now_v7(), 2, begun)).is_ok());
        assert!(handed.put(begun, webhooks(Uuid::now_v7(), 1, soon())).is_ok());
        let now = Some(Instant::now());
        assert_eq!(handed.late(now).map(|late| late.len()), Some(2));
        assert!(handed.late(now).is_none());
        assert_eq!(handed.late(None).map(|late| late.len()), Some(1), "all are, when nothing may begin");
        assert!(handed.late(None).is_none());
    }
}
