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
pub(super) struct Handed {
    state: Mutex<State>,
    /// How long leases last.
    lease: Duration,
}

struct State {
    /// Requests whose webhooks wait for an attempt, in the order in which they came.
    queue: VecDeque<Uuid>,
    /// The webhooks of each request that is in the queue or under way.
    of_request: HashMap<Uuid, Vec<Waiting>>,
    /// How many [`LetGo`] there are.
    letting_go: usize,
    /// Who asked for room before this moment gets none.
    open_since: Instant,
}

impl Handed {
    pub(super) fn new(lease: Duration) -> Self {
        let open_since = Instant::now();
        let state = State { queue: VecDeque::new(), of_request: HashMap::new(), letting_go: 0, open_since };
        Self { state: Mutex::new(state), lease }
    }

    /// Whether more may be handed over: the order is known.
    pub(super) fn is_open(&self) -> bool {
        self.state.lock().is_open_to(Instant::now())
    }

    /// Takes webhooks of one request, whose room was asked for at `asked`; lets go of them if the order could be lost.
    pub(super) fn put(self: &Arc<Self>, asked: Instant, webhooks: Vec<Waiting>) -> Option<LetGo> {
        let request = webhooks.first()?.delivery.event.request_id;
        let mut state = self.state.lock();
        if !state.is_open_to(asked) {
            return self.letting_go(&mut state, leases_of(webhooks));
        }
        let State { queue, of_request, .. } = &mut *state;
        let others = of_request.entry(request).or_insert_with(|| {
            queue.push_back(request);
            Vec::new()
        });
        others.extend(webhooks);
        None
    }

    /// How many requests wait, and by when the first has to be begun.
    pub(super) fn waiting(&self) -> (usize, Option<Instant>) {
        let state = self.state.lock();
        let first = state.queue.front().and_then(|request| state.of_request.get(request)?.first());
        (state.queue.len(), first.map(|first| first.start_by))
    }

    /// Takes the next request out of the queue, and what was handed over of it.
    fn begin(&self) -> Option<(Uuid, Vec<Waiting>)> {
        let mut state = self.state.lock();
        let request = state.queue.pop_front()?;
        let webhooks = state.of_request.get_mut(&request).map(std::mem::take).unwrap_or_default();
        Some((request, webhooks))
    }

    /// What was handed over of a request that is under way. `None`: nothing, and it is under way no longer.
    fn more(&self, request: Uuid) -> Option<Vec<Waiting>> {
        let mut state = self.state.lock();
        let webhooks = state.of_request.get_mut(&request).map(std::mem::take).unwrap_or_default();
        if webhooks.is_empty() {
            state.of_request.remove(&request);
            return None;
        }
        Some(webhooks)
    }

    /// Lets go of requests that should have begun by `now`; with `None`, of all that wait.
    pub(super) fn late(self: &Arc<Self>, now: Option<Instant>) -> Option<LetGo> {
        let (mut state, mut left) = (self.state.lock(), Vec::new());
        while let Some(request) = state.queue.front().copied() {
            let first = state.of_request.get(&request).and_then(|webhooks| webhooks.first());
            if first.zip(now).is_some_and(|(first, now)| now < first.start_by) {
                break;
            }
            state.queue.pop_front();
            left.extend(leases_of(state.of_request.remove(&request).unwrap_or_default()));
        }
        self.letting_go(&mut state, left)
    }

    /// Lets go of webhooks that were begun. `None`: there are none.
    pub(super) fn let_go(self: &Arc<Self>, left: Vec<Leased>) -> Option<LetGo> {
        self.letting_go(&mut self.state.lock(), left)
    }

    /// Under the lock under which they were taken out: what is handed over in between would overtake them.
    fn letting_go(self: &Arc<Self>, state: &mut State, webhooks: Vec<Leased>) -> Option<LetGo> {
        if webhooks.is_empty() {
            return None;
        }
        state.letting_go += 1;
        Some(LetGo { handed: Arc::clone(self), webhooks, rest: self.lease })
    }

    /// Takes nothing more until leases of now have ended: untried webhooks are leased to this lane, and nobody will send
    /// them before.
    pub(super) fn lost(&self) {
        self.state.lock().rest(self.lease);
    }
}

impl State {
    fn is_open_to(&self, asked: Instant) -> bool {
        self.letting_go == 0 && asked >= self.open_since
    }

    fn rest(&mut self, rest: Duration) {
        self.open_since = self.open_since.max(Instant::now() + rest);
    }
}

fn leases_of(webhooks: Vec<Waiting>) -> Vec<Leased> {
    webhooks.into_iter().map(|waiting| waiting.delivery).collect()
}

/// Webhooks that a lane lets go of untried. It takes nothing more until others can lease them: while this is there, and
/// unless they were given back until their leases have ended.
pub(super) struct LetGo {
    handed: Arc<Handed>,
    webhooks: Vec<Leased>,
    rest: Duration,
}

impl LetGo {
    pub(super) fn webhooks(&self) -> &[Leased] {
        &self.webhooks
    }

    pub(super) fn given_back(mut self) {
        self.rest = Duration::ZERO;
    }
}

impl Drop for LetGo {
    fn drop(&mut self) {
        let mut state = self.handed.state.lock();
        state.letting_go = state.letting_go.saturating_sub(1);
        state.rest(self.rest);
    }
}

/// A request of a lane whose webhooks are being sent as they are handed over. Dropped before its end, which only a fault
/// does, it counts as lost.
pub(super) struct UnderWay {
    handed: Arc<Handed>,
    request: Uuid,
    has_ended: bool,
}

impl UnderWay {
    /// Begins the next request that waits.
    pub(super) fn begin(handed: &Arc<Handed>) -> Option<(Self, Vec<Waiting>)> {
        let (request, webhooks) = handed.begin()?;
        Some((Self { handed: Arc::clone(handed), request, has_ended: false }, webhooks))
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

    /// Ends it, and lets go of what is left and of what was handed over since. `None`: there is nothing.
    pub(super) fn end(&mut self, mut left: Vec<Leased>) -> Option<LetGo> {
        let mut state = self.handed.state.lock();
        if !std::mem::replace(&mut self.has_ended, true) {
            left.extend(leases_of(state.of_request.remove(&self.request).unwrap_or_default()));
        }
        self.handed.letting_go(&mut state, left)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.has_ended {
            // Closed first: what comes in between goes down with it.
            self.handed.lost();
            self.handed.state.lock().of_request.remove(&self.request);
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

    fn handed() -> Arc<Handed> {
        Arc::new(Handed::new(Duration::from_secs(60)))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn what_comes_while_a_request_is_under_way_follows_it_and_begins_nothing() {
        let (handed, one, other) = (handed(), Uuid::now_v7(), Uuid::now_v7());
        let take = |request, count| {
            assert!(handed.put(Instant::now(), webhooks(request, count, soon())).is_none(), "it is taken");
        };
        take(one, 2);
        take(one, 1);
        let (mut first, found) = UnderWay::begin(&handed).expect("one waits");
        assert_eq!((first.request, found.len()), (one, 3));
        take(one, 1);
        take(other, 1);
        assert_eq!(handed.waiting().0, 1, "the first is under way");
        assert_eq!(first.more().map(|more| more.len()), Some(1));
        assert!(first.more().is_none(), "it has ended");
        take(one, 1);
        let begun: Vec<_> = std::iter::from_fn(|| UnderWay::begin(&handed)).collect();
        assert_eq!(
            begun.iter().map(|(begun, _)| begun.request).collect::<Vec<_>>(),
            [other, one],
            "it begins again"
        );
        assert!(first.end(Vec::new()).is_none(), "what begins again is no longer its own");
    }

    #[test]
    fn nothing_is_taken_from_the_moment_at_which_webhooks_are_let_go_until_others_can_lease_them() {
        let (handed, asked) = (handed(), Instant::now());
        let put = |asked| handed.put(asked, webhooks(Uuid::nil(), 2, soon()));
        assert!(put(asked).is_none());
        let (mut under_way, begun) = UnderWay::begin(&handed).expect("one waits");
        assert!(put(asked).is_none());
        let let_go = under_way.end(leases_of(begun)).expect("untried ones are left");
        assert_eq!(let_go.webhooks().len(), 4, "what was begun, and what followed it");
        assert!(!handed.is_open());
        let refused = put(asked).expect("it would overtake them");
        assert_eq!(refused.webhooks().len(), 2);
        let_go.given_back();
        assert!(!handed.is_open(), "the other two are still leased to nobody");
        refused.given_back();
        assert!(handed.is_open(), "from now on the database knows");
        put(asked).expect("its commit may have been earlier").given_back();
        drop(handed.let_go(leases_of(webhooks(Uuid::nil(), 1, soon()))));
        assert!(!handed.is_open(), "those that were not given back are leased until their leases end");
    }

    #[test]
    fn a_request_that_a_fault_ended_closes_the_lane() {
        let handed = handed();
        assert!(handed.put(Instant::now(), webhooks(Uuid::nil(), 2, soon())).is_none());
        drop(UnderWay::begin(&handed));
        assert!(!handed.is_open());
    }

    #[test]
    fn what_waits_too_long_is_let_go() {
        let (handed, begun) = (handed(), Instant::now());
        assert!(handed.put(begun, webhooks(Uuid::now_v7(), 2, begun)).is_none());
        assert!(handed.put(begun, webhooks(Uuid::now_v7(), 2, begun)).is_none());
        assert!(handed.put(begun, webhooks(Uuid::now_v7(), 1, soon())).is_none());
        let now = Some(Instant::now());
        assert_eq!(handed.late(now).map(|late| late.webhooks().len()), Some(4));
        assert!(handed.late(now).is_none());
        assert_eq!(
            handed.late(None).map(|late| late.webhooks().len()),
            Some(1),
            "all are, when nothing may begin"
        );
        assert!(handed.late(None).is_none());
    }
}
