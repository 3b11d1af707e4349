//! Permits for attempts: of the destination and of the process at once.

use super::shares::{Share, Shares};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One permit of the destination and a place of the process for each attempt; given back when dropped.
pub(super) struct Permits(Vec<(OwnedSemaphorePermit, Share)>);

impl Permits {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn pop(&mut self) -> Option<(OwnedSemaphorePermit, Share)> {
        self.0.pop()
    }
}

/// Takes up to `most`, at least one, for which it may wait; of the others at most half of what the caller may have, so
/// that a few slow endpoints never hold all of that. `None`: the destination has none.
pub(super) async fn take(
    lane: &Arc<Semaphore>,
    process: &Shares,
    caller: &Arc<str>,
    most: usize,
) -> Option<Permits> {
    let first = Arc::clone(lane).try_acquire_owned().ok()?;
    let mut permits = vec![(first, process.take(caller).await?)];
    let share = most.saturating_sub(1).min(process.left(caller) / 2);
    for _ in 0..share {
        let Ok(mine) = Arc::clone(lane).try_acquire_owned() else { break };
        let Some(ours) = process.try_take(caller) else { break };
        permits.push((mine, ours));
    }
    Some(Permits(permits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn semaphore(permits: usize) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(permits))
    }

    #[tokio::test]
    async fn a_destination_takes_no_more_than_its_own_bound() {
        let (lane, process, caller) = (semaphore(8), Shares::new(256), Arc::from("caller"));
        let taken = take(&lane, &process, &caller, 64).await.expect("there is room");
        assert_eq!((taken.len(), process.left(&caller)), (8, 184));
        assert!(take(&lane, &process, &caller, 64).await.is_none());
        drop(taken);
        assert_eq!((lane.available_permits(), process.left(&caller)), (8, 192));
    }

    #[tokio::test]
    async fn many_slow_endpoints_of_a_caller_leave_room_for_another_of_its_own() {
        let (process, caller) = (Shares::new(256), Arc::from("caller"));
        let lanes: Vec<_> = (0..8).map(|_| semaphore(32)).collect();
        let mut held = Vec::new();
        for lane in &lanes {
            held.push(take(lane, &process, &caller, 32).await.expect("there is room"));
        }
        assert!(process.left(&caller) > 0, "eight endpoints with 32 each want 256 of 192");
        assert!(held.iter().all(|permits| permits.len() > 0));
    }
}
