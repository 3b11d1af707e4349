//! Webhook delivery: lease, sign, send with no transaction open, record.
//!
//! Cast: the queue tells which requests have something to deliver; the poll finds what nobody told of (no bus, a lost
//! message, a retry that is due, a row that an operator touched). Neither takes anything: they tell the actor of the
//! [`endpoint`] to look, which leases what it can start at once, and no more. So one endpoint that is slow, dead or
//! owed a great deal delays no other. The recorder writes outcomes many at a time.

mod attempt;
mod breaker;
mod courier;
mod endpoint;
mod endpoints;
mod pace;
mod recorder;

use crate::background::{self, Job};
use crate::loops::Loops;
use crate::queue;
use crate::{Error, Options, StartError};
use attempt::Sender;
use bus::{Bus, Work};
pub use courier::{Courier, Sent, Signer};
use endpoints::Endpoints;
use ractor::ActorCell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use store::Store;
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// Endpoints named by one statement of the poll.
const PAGE: i64 = 500;
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
            slots: Arc::new(Semaphore::new(options.webhook.concurrency.max(1))),
            tasks: attempts.clone(),
            options: options.webhook.clone(),
            stopping: AtomicBool::new(false),
        };
        let endpoints = Endpoints::new(shared, supervisor);
        if let Some(bus) = options.bus.clone() {
            let follower = Follower { store: options.store.clone(), endpoints: endpoints.clone() };
            queue::follow(loops, follower, bus);
        }
        let poll = Poll {
            store: options.store.clone(),
            endpoints: endpoints.clone(),
            interval: options.webhook.poll_interval,
        };
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
        for endpoint in self.store.endpoints_of(&requests).await? {
            self.endpoints.look(&endpoint).await;
        }
        Ok(())
    }
}

struct Poll {
    store: Store,
    endpoints: Endpoints,
    interval: Duration,
}

impl Job for Poll {
    const NAME: &'static str = "delivery poll";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        self.endpoints.rest(IDLE);
        let mut after: Option<String> = None;
        loop {
            let page = self.store.due_endpoints(after.as_deref(), PAGE).await?;
            for endpoint in &page {
                self.endpoints.look(endpoint).await;
            }
            match page.last() {
                Some(last) if i64::try_from(page.len()).is_ok_and(|n| n == PAGE) => {
                    after = Some(last.clone())
                }
                _ => return Ok(self.interval),
            }
        }
    }
}
