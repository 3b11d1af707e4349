//! Consumes a work queue for as long as there is a bus, and subscribes again when it breaks. Work that could not be
//! taken is redelivered.

use crate::Error;
use crate::loops::Loops;
use bus::{Bus, Work};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Messages taken at once.
const TAKE: usize = 128;
/// Pause after a fault, and the delay of a redelivery.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A consumer of a work queue.
pub(crate) trait Follower: Send + Sync + 'static {
    /// Name of the loop in logs and in `/health`.
    const NAME: &'static str;

    /// Subscribes to the queue.
    fn pull(&self, bus: &Bus) -> impl Future<Output = Result<Work, Error>> + Send;

    /// Takes over these requests, directly or through their rows. Then the messages are acknowledged.
    fn take(&self, requests: Vec<Uuid>) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Consumes until the loops are stopped.
pub(crate) fn follow<F: Follower>(loops: &Loops, follower: F, bus: Bus) {
    let (follower, stop) = (Arc::new(follower), loops.stop().clone());
    loops.spawn(F::NAME, move || {
        let (follower, bus, stop) = (Arc::clone(&follower), bus.clone(), stop.clone());
        async move {
            until_stopped(&*follower, &bus, &stop).await;
            Ok(())
        }
    });
}

async fn until_stopped<F: Follower>(follower: &F, bus: &Bus, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let followed = tokio::select! {
            () = stop.cancelled() => return,
            followed = until_broken(follower, bus) => followed,
        };
        if let Err(error) = followed {
            tracing::debug!(queue = F::NAME, %error, "the queue is not available; trying again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AFTER_FAILURE) => {}
        }
    }
}

async fn until_broken<F: Follower>(follower: &F, bus: &Bus) -> Result<(), Error> {
    let mut queue = follower.pull(bus).await?;
    loop {
        let items = queue.next(TAKE).await?;
        let requests: BTreeSet<Uuid> = items.iter().map(|item| item.request_id).collect();
        let refused = take(follower, requests).await;
        for item in items {
            if refused.contains(&item.request_id) {
                item.again(AFTER_FAILURE).await;
            } else {
                item.done().await;
            }
        }
        if !refused.is_empty() {
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

/// Has the requests taken over and returns those that could not be. One that fails keeps no other from being taken.
async fn take<F: Follower>(follower: &F, requests: BTreeSet<Uuid>) -> BTreeSet<Uuid> {
    let Err(error) = follower.take(requests.iter().copied().collect()).await else { return BTreeSet::new() };
    tracing::debug!(queue = F::NAME, %error, "items could not be taken; they come back");
    // A database that is away takes none of them; trying each would only wait for it again.
    if matches!(error, Error::Unavailable(_) | Error::Unanswered | Error::Overloaded) || requests.len() == 1 {
        return requests;
    }
    let mut refused = BTreeSet::new();
    for request in requests {
        if let Err(error) = follower.take(vec![request]).await {
            tracing::warn!(queue = F::NAME, request.id = %request, %error, "an item could not be taken; it comes back");
            refused.insert(request);
        }
    }
    refused
}
