//! From the outbox to the bus. One relay per database publishes at a time, so that events of a request leave in
//! order; the others stand by and pass hints on. What was not acknowledged stays in the outbox and goes again, with
//! the same message id.
//!
//! Events that this process commits are handed over in memory ([`Fresh`]); those of others, and whatever may be missing
//! in memory, are read from the outbox. It is read once a second whatever happens.

mod fresh;
mod reconciler;

use crate::Error;
use crate::background::Job;
use crate::request::Shared;
pub(crate) use fresh::Fresh;

use bus::Bus;
use reconciler::Reconciler;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use store::outbox::{Outgoing, RelayLock};

/// Events in one round.
const BATCH: usize = 512;
/// How long an idle relay waits before it looks by itself.
const LOOK: Duration = Duration::from_secs(1);
/// A round of this many events was not alone: more are being committed, and gathering them costs less than another
/// round for each few.
const BUSY: usize = 32;
/// How long a busy relay gathers.
const GATHER: Duration = Duration::from_millis(10);

pub(crate) struct Relay {
    store: Store,
    bus: Bus,
    /// Without the role it only passes hints on.
    relays: bool,
    shared: Arc<Shared>,
    /// The lock, and when it was last seen to stand.
    lock: Option<(RelayLock, Instant)>,
    reconciler: Reconciler,
    /// When the outbox was last read to its end, if all that came since was published: then what is handed over is
    /// all that waits.
    read: Option<Instant>,
}

impl Relay {
    pub(crate) fn new(
        store: Store,
        bus: Bus,
        relays: bool,
        reconcile_every: Duration,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            store,
            bus,
            relays,
            shared,
            lock: None,
            reconciler: Reconciler::new(reconcile_every),
            read: None,
        }
    }

    async fn holds_lock(&mut self) -> Result<bool, Error> {
        if let Some((lock, seen)) = &mut self.lock {
            if seen.elapsed() < LOOK {
                return Ok(true);
            }
            if lock.still_held().await {
                *seen = Instant::now();
                return Ok(true);
            }
            self.lock = None;
        }
        self.lock = self.store.try_relay_lock().await?.map(|lock| (lock, Instant::now()));
        Ok(self.lock.is_some())
    }

    /// Publishes one batch; gives how many were acknowledged and how many were tried.
    async fn publish(&self, incarnation: &str, outgoing: Vec<Outgoing>) -> Result<(usize, usize), Error> {
        let connection = self.bus.connection();
        let messages = outgoing.iter().flat_map(|out| {
            let work = out.delivery_id.map(|id| self.bus.delivery_work(out.event.request_id, id));
            [Some(self.bus.event(&out.event)), work].into_iter().flatten()
        });
        let messages: Vec<_> = messages.collect();
        let mut acks = self.bus.publish(messages).await.into_iter();
        let mut acknowledged = Vec::with_capacity(outgoing.len());
        for out in &outgoing {
            let event = acks.next();
            // A lost work message costs a poll interval, no more.
            if out.delivery_id.is_some() {
                acks.next();
            }
            match event {
                Some(Ok(seq)) => {
                    acknowledged.push((out.event.event_id, i64::try_from(seq).unwrap_or(i64::MAX)))
                }
                Some(Err(error)) => {
                    tracing::debug!(event.id = %out.event.event_id, %error, "not acknowledged")
                }
                None => {}
            }
        }
        if self.bus.connection() != connection {
            // The stream that acknowledged may not be the one that is there now.
            acknowledged.clear();
        }
        if !acknowledged.is_empty() {
            self.store.mark_published(incarnation, &acknowledged).await?;
        }
        Ok((acknowledged.len(), outgoing.len()))
    }
}

impl Relay {
    /// Publishes until nothing waits. `read` is [`Self::read`], which only its end keeps.
    async fn publish_all(&mut self, mut read: Option<Instant>) -> Result<Duration, Error> {
        loop {
            let (incarnation, lost) = self.reconciler.incarnation(&self.store, &self.bus).await?;
            read = read.filter(|_| lost == 0);
            if !self.holds_lock().await? {
                return Ok(self.stand_by());
            }
            let outgoing = self.next(&mut read).await?;
            if outgoing.is_empty() {
                self.read = read;
                return Ok(read.map_or(LOOK, |at| LOOK.saturating_sub(at.elapsed())));
            }
            let busy = (BUSY..BATCH).contains(&outgoing.len());
            let (acknowledged, tried) = self.publish(&incarnation, outgoing).await?;
            if acknowledged < tried {
                self.reconciler.doubt();
                tracing::warn!(acknowledged, tried, "events were not acknowledged; they go again");
                return Ok(LOOK);
            }
            if busy {
                tokio::time::sleep(GATHER).await;
            }
        }
    }

    /// What to publish next: what was handed over, or what waits in the outbox when there may be more of that.
    async fn next(&self, read: &mut Option<Instant>) -> Result<Vec<Outgoing>, Error> {
        let unread = self.shared.signals.take_unread();
        if read.is_some_and(|at| !unread && at.elapsed() < LOOK)
            && let Some(events) = self.shared.fresh.take(BATCH)
        {
            return Ok(events);
        }
        self.shared.fresh.open();
        let now = Instant::now();
        let outgoing = self.store.unpublished(BATCH).await?;
        *read = (outgoing.len() < BATCH).then_some(now);
        Ok(outgoing)
    }

    fn stand_by(&self) -> Duration {
        self.shared.fresh.close();
        LOOK
    }
}

impl Job for Relay {
    const NAME: &'static str = "relay";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        // Whatever ends this run early leaves it open what waits in the outbox.
        let read = self.read.take();
        if !self.bus.is_connected() {
            return Ok(self.stand_by());
        }
        let publishes = self.relays && self.holds_lock().await?;
        if self.shared.signals.take_hint(publishes) {
            self.bus.hint().await;
        }
        if !publishes {
            return Ok(self.stand_by());
        }
        self.publish_all(read).await
    }
}
