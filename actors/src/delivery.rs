//! Webhook delivery: lease, sign, send without an open transaction, record.
//!
//! A commit leases its webhooks to this process where [`room`] is, and hands them over: they need not be looked for.
//!
//! Cast: the commit says where this process owes others, and the queue which requests have something to deliver
//! in all processes; the poll finds what nothing announced (no bus, a lost message, a retry that is due, a row that an operator
//! changed). All only tell the actor of the caller's
//! [`endpoint`] to look, and that actor leases no more than it can start at once. So an endpoint that is slow, dead
//! or owed many webhooks delays no other, and [`shares`] bounds what one caller takes of this process. The recorder
//! writes many outcomes in one statement.

mod attempt;
mod breaker;
mod chain;
mod courier;
mod endpoint;
mod gather;
mod handed;
mod lane;
mod live;
mod local;
mod options;
mod pace;
mod permits;
mod poll;
mod recorder;
mod room;
mod shares;

use crate::Error;
use crate::background;
use crate::loops::Loops;
use crate::queue;
use attempt::Sender;
use bus::{Bus, Work};
pub use courier::{Courier, Sent, Signer};
use lane::Lanes;
use live::LiveEndpoints;
pub use options::{EndpointOptions, WebhookOptions};
use poll::Poll;
use ractor::ActorCell;
use recorder::Recorder;
pub(crate) use room::{Room, Rooms};
use shares::Shares;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use store::Store;
use store::deliveries::Destination;
use store::processes::Circuit;
use tokio::sync::{Notify, mpsc};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// Most transitions whose webhooks are handed over by their commits and not yet begun.
const MOST_HANDED: usize = 1024;

/// The circuits of the endpoints that this process delivers to. Cheap to clone.
#[derive(Clone)]
pub struct Circuits(Option<LiveEndpoints>);

impl Circuits {
    /// Those of a delivery role; of none, there are none.
    pub(crate) fn of(delivery: Option<&Delivery>) -> Self {
        Self(delivery.map(|delivery| LiveEndpoints::clone(&delivery.endpoints)))
    }

    /// The circuits that are not closed, at most `most`.
    #[must_use]
    pub fn not_closed(&self, most: usize) -> Vec<Circuit> {
        self.0.as_ref().map(|endpoints| endpoints.circuits(most)).unwrap_or_default()
    }
}

/// The delivery role of this process.
pub(crate) struct Delivery {
    attempts: TaskTracker,
    endpoints: Arc<LiveEndpoints>,
}

impl Delivery {
    /// Starts looking for due deliveries: where this process tells of new ones by `undelivered`, and where the queue and
    /// the poll lead.
    pub(crate) fn start(
        store: Store,
        bus: Option<Bus>,
        undelivered: mpsc::Receiver<Destination>,
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
            handed: Shares::new(MOST_HANDED),
            tasks: attempts.clone(),
            options: options.clone(),
            stopping: AtomicBool::new(false),
        };
        let endpoints = LiveEndpoints::new(lanes, supervisor);
        local::follow(loops, endpoints.clone(), undelivered);
        if let Some(bus) = bus {
            queue::follow(loops, Follower { store: store.clone(), endpoints: endpoints.clone() }, bus);
        }
        let poll = Poll::new(store, endpoints.clone(), options.poll_interval);
        background::start(loops, poll, Arc::<Notify>::default());
        Self { attempts, endpoints: Arc::new(endpoints) }
    }

    /// Who gives room for webhooks.
    pub(crate) fn rooms(&self) -> Rooms {
        Rooms::new(&self.endpoints)
    }

    /// Lets attempts under way finish and be recorded within `deadline`; the leases of the others run out. The
    /// recorder ends with the last sender.
    pub(crate) async fn stop(self, deadline: Duration) {
        self.endpoints.stop(deadline).await;
        self.attempts.close();
        let _ = tokio::time::timeout(deadline, self.attempts.wait()).await;
    }
}

/// Takes delivery work from the queue.
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
        // The rows are the truth: what no message leads to is found by the poll.
        for to in self.store.destinations_of(&requests).await? {
            self.endpoints.look(&to).await;
        }
        Ok(())
    }
}
