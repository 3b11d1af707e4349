//! Permits for attempts: of the endpoint and of the process at once.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One permit of the endpoint and one of the process for each attempt; given back when dropped.
pub(super) struct Permits(Vec<(OwnedSemaphorePermit, OwnedSemaphorePermit)>);

impl Permits {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn pop(&mut self) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        self.0.pop()
    }
}

/// Takes up to `most`, at least one: the first of the process in the order of asking, which is fair; of the others at
/// most half of what is left, so that a few slow endpoints never hold all of them. `None`: the endpoint has none.
pub(super) async fn take(lane: &Arc<Semaphore>, process: &Arc<Semaphore>, most: usize) -> Option<Permits> {
    let first = Arc::clone(lane).try_acquire_owned().ok()?;
    // The semaphore is never closed.
    let mut permits = vec![(first, Arc::clone(process).acquire_owned().await.ok()?)];
    let share = most.saturating_sub(1).min(process.available_permits() / 2);
    for _ in 0..share {
        let Ok(mine) = Arc::clone(lane).try_acquire_owned() else { break };
        let Ok(ours) = Arc::clone(process).try_acquire_owned() else { break };
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
    async fn an_endpoint_takes_no_more_than_its_own_bound() {
        let (lane, process) = (semaphore(8), semaphore(256));
        let taken = take(&lane, &process, 64).await.expect("there is room");
        assert_eq!((taken.len(), process.available_permits()), (8, 248));
        assert!(take(&lane, &process, 64).await.is_none());
        drop(taken);
        assert_eq!((lane.available_permits(), process.available_permits()), (8, 256));
    }

    #[tokio::test]
    async fn many_slow_endpoints_leave_room_for_another() {
        let process = semaphore(256);
        let lanes: Vec<_> = (0..12).map(|_| semaphore(32)).collect();
        let mut held = Vec::new();
        for lane in &lanes {
            held.push(take(lane, &process, 32).await.expect("there is room"));
        }
        assert!(process.available_permits() > 0, "twelve endpoints with 32 each want 384 of 256");
        assert!(held.iter().all(|permits| permits.len() > 0));
    }
}
