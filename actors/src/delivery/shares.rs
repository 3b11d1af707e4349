//! So many places for all callers of this process, shared out so that none is crowded out.
//!
//! Who holds more is stopped earlier: a caller may hold three times as many places as are free. So one alone gets three
//! quarters of all, however many endpoints it names, and there is room for whoever comes next. Places that are given
//! back go to the waiting caller that holds fewest.

use parking_lot::{Mutex, MutexGuard};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Places that a caller may hold for each one that is free.
const HELD_PER_FREE: usize = 3;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Shares(Arc<Mutex<Pool>>);

/// A place; given back when dropped.
pub(super) struct Share {
    pool: Shares,
    caller: Arc<str>,
}

struct Pool {
    free: usize,
    callers: HashMap<Arc<str>, Caller>,
    /// How many have begun to wait so far: the order among callers that hold the same.
    waited: u64,
}

/// Those that neither hold nor wait are forgotten.
#[derive(Default)]
struct Caller {
    held: usize,
    waiting: VecDeque<(u64, oneshot::Sender<Share>)>,
}

impl Caller {
    fn may_take(&self, free: usize) -> bool {
        self.held < free.saturating_mul(HELD_PER_FREE)
    }
}

impl Shares {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(Pool { free: places, callers: HashMap::new(), waited: 0 })))
    }

    /// A place, if the caller may have one now and none of its own waits for one.
    pub(super) fn try_take(&self, caller: &Arc<str>) -> Option<Share> {
        let mut pool = self.pool();
        let free = pool.free;
        let mine = pool.callers.entry(Arc::clone(caller)).or_default();
        if mine.waiting.is_empty() && mine.may_take(free) {
            mine.held += 1;
            pool.free -= 1;
            return Some(Share { pool: self.clone(), caller: Arc::clone(caller) });
        }
        pool.forget(caller);
        None
    }

    /// A place, as soon as the caller may have one; its own in the order of asking.
    pub(super) async fn take(&self, caller: &Arc<str>) -> Option<Share> {
        if let Some(share) = self.try_take(caller) {
            return Some(share);
        }
        let given = {
            let (give, given) = oneshot::channel();
            let mut pool = self.pool();
            pool.waited += 1;
            let ticket = pool.waited;
            pool.callers.entry(Arc::clone(caller)).or_default().waiting.push_back((ticket, give));
            given
        };
        // What was given back between the two looks is given now.
        self.give();
        given.await.ok()
    }

    /// How many places the caller could take one after the other.
    pub(super) fn left(&self, caller: &Arc<str>) -> usize {
        let pool = self.pool();
        let held = pool.callers.get(caller).map_or(0, |caller| caller.held);
        let most = (pool.free + held) * HELD_PER_FREE / (HELD_PER_FREE + 1);
        most.saturating_sub(held)
    }

    /// Gives free places to those that wait.
    fn give(&self) {
        loop {
            let Some((caller, to)) = self.pool().next() else { return };
            // Whoever has stopped waiting drops the share, which is given on.
            let _ = to.send(Share { pool: self.clone(), caller });
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.0.lock()
    }
}

impl Pool {
    /// Who gets a place now: counted as held already.
    fn next(&mut self) -> Option<(Arc<str>, oneshot::Sender<Share>)> {
        let free = self.free;
        let first = |caller: &Caller| caller.waiting.front().map(|(ticket, _)| (caller.held, *ticket));
        let able = self.callers.iter().filter(|(_, caller)| caller.may_take(free));
        let (_, name) = able.filter_map(|(name, caller)| Some((first(caller)?, name))).min()?;
        let name = Arc::clone(name);
        let caller = self.callers.get_mut(&name)?;
        let (_, to) = caller.waiting.pop_front()?;
        caller.held += 1;
        self.free -= 1;
        Some((name, to))
    }

    fn forget(&mut self, name: &Arc<str>) {
        if self.callers.get(name).is_some_and(|caller| caller.held == 0 && caller.waiting.is_empty()) {
            self.callers.remove(name);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        {
            let mut pool = self.pool.pool();
            if let Some(caller) = pool.callers.get_mut(&self.caller) {
                caller.held -= 1;
                pool.free += 1;
            }
            pool.forget(&self.caller);
        }
        self.pool.give();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn caller(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    fn all_of(shares: &Shares, name: &Arc<str>) -> Vec<Share> {
        std::iter::from_fn(|| shares.try_take(name)).collect()
    }

    #[test]
    fn a_caller_alone_gets_three_quarters_and_each_further_one_still_finds_room() {
        let shares = Shares::new(256);
        let (ann, bob, eve) = (caller("ann"), caller("bob"), caller("eve"));
        assert_eq!(shares.left(&ann), 192);
        let first = all_of(&shares, &ann);
        assert_eq!((first.len(), shares.left(&ann)), (192, 0));
        let second = all_of(&shares, &bob);
        assert_eq!(second.len(), 48);
        assert_eq!(all_of(&shares, &eve).len(), 12);
        drop(first);
        drop(second);
        assert_eq!(shares.left(&ann), 192, "all were given back");
        assert!(shares.pool().callers.is_empty(), "who holds nothing is forgotten");
    }

    #[test]
    fn a_single_place_goes_round() {
        let shares = Shares::new(1);
        let only = shares.try_take(&caller("ann")).expect("one is free");
        assert!(shares.try_take(&caller("bob")).is_none());
        drop(only);
        assert!(shares.try_take(&caller("bob")).is_some());
    }

    #[tokio::test]
    async fn what_is_given_back_goes_to_the_waiting_caller_that_holds_fewest() {
        let shares = Shares::new(4);
        let (ann, bob) = (caller("ann"), caller("bob"));
        let mut held = all_of(&shares, &ann);
        held.extend(all_of(&shares, &bob));
        let mut greedy = Box::pin(shares.take(&ann));
        assert!(greedy.as_mut().now_or_never().is_none(), "ann waits first");
        let mut modest = Box::pin(shares.take(&bob));
        assert!(modest.as_mut().now_or_never().is_none());
        held.remove(0);
        assert!(greedy.as_mut().now_or_never().is_none());
        assert!(modest.now_or_never().flatten().is_some(), "and bob, who holds fewer, is served first");
    }

    #[tokio::test]
    async fn who_stops_waiting_keeps_nobody_from_a_place() {
        let shares = Shares::new(1);
        let (ann, bob) = (caller("ann"), caller("bob"));
        let only = shares.try_take(&ann).expect("one is free");
        let mut gone = Box::pin(shares.take(&ann));
        assert!(gone.as_mut().now_or_never().is_none());
        let mut next = Box::pin(shares.take(&bob));
        assert!(next.as_mut().now_or_never().is_none());
        drop(gone);
        drop(only);
        assert!(next.now_or_never().flatten().is_some());
    }
}
