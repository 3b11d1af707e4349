//! Webhook delivery: lease, sign, send with no transaction open, record.
//!
//! Cast: the queue tells which requests have something to deliver; the poll finds what nobody told of (no bus, a lost
//! message, a retry that is due, a row that an operator touched). Neither takes anything: they tell the actor of the
//! caller's [`endpoint`] to look, which leases what it can start at once, and no more. So one endpoint that is slow,
//! dead or owed a great deal delays no other, and one caller delays no other: [`shares`] bounds what each takes of this
//! process. The recorder writes outcomes many at a time.

mod attempt;
mod breaker;
mod courier;
mod endpoint;
mod endpoints;
mod pace;
mod poll;
mod recorder;
mod shares;

use crate::background;
use crate::loops::Loops;
use crate::queue;
use crate::{Error, Options, StartError};
use attempt::Sender;
use bus::{Bus, Work};
pub use courier::{Courier, Sent, Signer};
use endpoints::Endpoints;
use poll::Poll;
use ractor::ActorCell;
use shares::Shares;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use store::Store;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// An endpoint without anything to do loses its actor after this.
const IDLE: Duration = Duration::from_secs(60);
/// A lease, or a record, of this many was not the last: more attempts are about to end, and waiting for them costs less
/// than a statement for each few.
const BUSY: usize = 4;
/// How long a busy endpoint, or recorder, waits.
const GATHER: Duration = Duration::from_millis(5);

/// The delivery role of this process.
pub(crate) struct Delivery {
    attempts: TaskTracker,
    endpoints: Endpoints,
}

impl Delivery {
    pub(crate) fn start(options: &Options, loops: &Loops, supervisor: ActorCell) -> Result<Self, StartError> {
        let attempts = TaskTracker::new();
        let shared = endpoint::Shared {
            store: options.store.clone(),
            sender: Sender::new(options, loops)?,
            slots: Shares::new(options.webhook.concurrency.max(1)),
            tasks: attempts.clone(),
            options: options.webhook.clone(),
            stopping: AtomicBool::new(false),
        };
        let endpoints = Endpoints::new(shared, supervisor);
        if let Some(bus) = options.bus.clone() {
            let follower = Follower { store: options.store.clone(), endpoints: endpoints.clone() };
            queue::follow(loops, follower, bus);
        }
        let poll = Poll::new(options.store.clone(), endpoints.clone(), options.webhook.poll_interval);
        background::start(loops, poll, Arc::<Notify>::default());
        Ok(Self { attempts, endpoints })
    }

    /// Attempts under way finish and are recorded, within `deadline`; else their leases run out. The recorder ends when
    /// the last sender is gone.
    pub(crate) async fn stop(self, deadline: Duration) {
        self.endpoints.stop(deadline).await;
        self.attempts.close();
        let _ = tokio::time::timeout(deadline, self.attempts.wait()).await;
    }
}

/// Listens to the queue.
struct Follower {
    store: Store,
    endpoints: Endpoints,
}

impl queue::Follower for Follower {
    const NAME: &'static str = "delivery";

    async fn pull(&self, bus: &Bus) -> Result<Work, Error> {
        Ok(bus.delivery_queue().await?)
    }

    async fn take(&self, requests: Vec<Uuid>) -> Result<(), Error> {
        // The rows are the truth: what is not delivered by being told of now is found by the poll.
        for to in self.store.destinations_of(&requests).await? {
            self.endpoints.look(&to).await;
        }
        Ok(())
    }
}
