//! Following a queue: for as long as there is a bus, again and again when it breaks. What could not be taken comes back.

use crate::Error;
use bus::{Bus, Work};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Messages taken from a queue at once.
const TAKE: usize = 128;
/// How long a queue rests after a fault, and what was not taken stays away.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Whoever does what a queue calls for.
pub(crate) trait Follower: Send + Sync + 'static {
    /// For logs.
    const NAME: &'static str;

    /// The queue.
    fn pull(&self, bus: &Bus) -> impl Future<Output = Result<Work, Error>> + Send;

    /// Sees to these requests, or to their rows being seen to; then the messages are done with.
    fn take(&self, requests: Vec<Uuid>) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Follows until `stop`.
pub(crate) async fn follow<F: Follower>(follower: F, bus: Bus, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let followed = tokio::select! {
            () = stop.cancelled() => return,
            followed = until_broken(&follower, &bus) => followed,
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
        match follower.take(requests.into_iter().collect()).await {
            Ok(()) => {
                for item in items {
                    item.done().await;
                }
            }
            Err(error) => {
                tracing::debug!(queue = F::NAME, %error, "items could not be taken; they come back");
                for item in items {
                    item.again(AFTER_FAILURE).await;
                }
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}
