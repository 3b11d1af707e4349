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
mod gather;
mod live;
mod options;
mod pace;
mod permits;
mod poll;
mod recorder;
mod shares;

use crate::Error;
use crate::background;
use crate::loops::Loops;
use crate::queue;
use attempt::Sender;
use bus::{Bus, Work};
pub use courier::{Courier, Sent, Signer};
use endpoint::Lanes;
use live::LiveEndpoints;
pub use options::{EndpointOptions, WebhookOptions};
use poll::Poll;
use ractor::ActorCell;
use recorder::Recorder;
use shares::Shares;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use store::Store;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// The delivery role of this process.
pub(crate) struct Delivery {
    attempts: TaskTracker,
    endpoints: LiveEndpoints,
}

impl Delivery {
    /// Starts looking for due deliveries. Without a bus the poll alone finds them.
    pub(crate) fn start(
        store: Store,
        bus: Option<Bus>,
        courier: Courier,
        options: &WebhookOptions,
        loops: &Loops,
        supervisor: ActorCell,
    ) -> Self {
        let attempts = TaskTracker::new();
        let recorder = Recorder::start(store.clone(), loops);
        let lanes = Lanes {
            store: store.clone(),
            sender: Sender::new(courier, recorder, options.clone()),
            slots: Shares::new(options.concurrency.max(1)),
            tasks: attempts.clone(),
            options: options.clone(),
            stopping: AtomicBool::new(false),
        };
        let endpoints = LiveEndpoints::new(lanes, supervisor);
        if let Some(bus) = bus {
            queue::follow(loops, Follower { store: store.clone(), endpoints: endpoints.clone() }, bus);
        }
        let poll = Poll::new(store, endpoints.clone(), options.poll_interval);
        background::start(loops, poll, Arc::<Notify>::default());
        Self { attempts, endpoints }
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
    endpoints: LiveEndpoints,
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
