//! Webhook delivery: lease, sign, send with no transaction open, record.
//!
//! Cast: the queue tells which requests have something to deliver; the poll finds what nobody told of (no bus, a lost
//! message, a retry that is due, a row that an operator touched). Both lease through the database, so it does not
//! matter who hears first. Deliveries of one request go out one after the other; requests go out side by side, up to
//! a bound. The recorder writes outcomes many at a time.

mod attempt;
mod recorder;

use crate::background::{Background, Job};
use crate::queue::{self, Follower};
use crate::{Error, Options, StartError, WebhookOptions};
use attempt::Sender;
use bus::{Bus, Work};
use outbound::Transport;
use ractor::ActorCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::deliveries::Leased;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// The delivery role of this process.
pub(crate) struct Delivery {
    poll: ActorCell,
    tasks: TaskTracker,
    worker: Worker,
}

impl Delivery {
    pub(crate) async fn start(
        options: &Options,
        stop: &CancellationToken,
        supervisor: ActorCell,
    ) -> Result<Self, StartError> {
        let transport =
            Transport::new(options.egress.clone(), options.webhook.timeout).map_err(StartError::Transport)?;
        let tasks = TaskTracker::new();
        let worker = Worker {
            store: options.store.clone(),
            sender: Arc::new(Sender::new(options, transport, &tasks)),
            slots: Arc::new(Semaphore::new(options.webhook.concurrency.max(1))),
            tasks: TaskTracker::new(),
            options: options.webhook.clone(),
        };
        if let Some(bus) = options.bus.clone() {
            tasks.spawn(queue::follow(worker.clone(), bus, stop.clone()));
        }
        let poll = Poll { worker: worker.clone() };
        let poll = Background::start(poll, Arc::<Notify>::default(), stop.clone(), supervisor).await?;
        Ok(Self { poll, tasks, worker })
    }

    /// Attempts under way finish and are recorded, within `deadline`; else their leases run out.
    pub(crate) async fn stop(self, deadline: Duration) {
        let _ = self.poll.drain_and_wait(Some(deadline)).await;
        self.worker.tasks.close();
        let _ = tokio::time::timeout(deadline, self.worker.tasks.wait()).await;
        // The recorder ends when the last sender is gone.
        drop(self.worker);
        self.tasks.close();
        let _ = tokio::time::timeout(deadline, self.tasks.wait()).await;
    }
}

#[derive(Clone)]
struct Worker {
    store: Store,
    sender: Arc<Sender>,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
    options: WebhookOptions,
}

impl Follower for Worker {
    const NAME: &'static str = "delivery";

    async fn pull(bus: &Bus) -> Result<Work, bus::Error> {
        bus.delivery_queue().await
    }

    async fn take(&self, requests: Vec<Uuid>) -> Result<(), Error> {
        let leased = self.store.lease_requests(&requests, self.lease()).await?;
        // The leased rows are the truth now.
        self.dispatch(leased).await;
        Ok(())
    }
}

impl Worker {
    /// A lease outlives every attempt that may be made under it.
    fn lease(&self) -> Duration {
        self.options.timeout * 6
    }

    /// Starts one task per request; waits while all slots are taken.
    async fn dispatch(&self, leased: Vec<Leased>) {
        let mut chains: HashMap<Uuid, Vec<Leased>> = HashMap::new();
        for delivery in leased {
            chains.entry(delivery.event.request_id).or_default().push(delivery);
        }
        for (request, chain) in chains {
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return };
            let worker = self.clone();
            self.tasks.spawn(async move {
                worker.deliver(request, chain).await;
                drop(slot);
            });
        }
    }

    /// Sends the deliveries of one request in order, and then what has come due for it in the meantime.
    async fn deliver(&self, request: Uuid, mut chain: Vec<Leased>) {
        while !chain.is_empty() {
            for delivery in chain {
                if let Err(error) = self.sender.attempt(delivery).await {
                    tracing::warn!(request.id = %request, %error, "an attempt was not recorded; its lease runs out");
                    return;
                }
            }
            chain = match self.store.lease_requests(&[request], self.lease()).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(request.id = %request, %error, "later deliveries are left to the poll");
                    return;
                }
            };
        }
    }
}

struct Poll {
    worker: Worker,
}

impl Job for Poll {
    const NAME: &'static str = "delivery poll";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        let most = self.worker.options.batch_size.max(1);
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let leased = self.worker.store.lease_due_deliveries(limit, self.worker.lease()).await?;
        let full = leased.len() >= most;
        self.worker.dispatch(leased).await;
        Ok(if full { Duration::ZERO } else { self.worker.options.poll_interval })
    }
}
