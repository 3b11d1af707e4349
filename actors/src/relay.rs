//! From the outbox to the bus. One relay per database publishes at a time, so that events of a request leave in
//! order; the others stand by and pass hints on. What was not acknowledged stays in the outbox and goes again, with
//! the same message id.
//!
//! Events that this process commits are handed over in memory ([`Fresh`]); those of others, and whatever may be missing
//! in memory, are read from the outbox. It is read once a second whatever happens.
//!
//! The stream takes each event only right after the one published before it: when a connection breaks, what was already
//! sent may be lost, and what is sent on the next one would overtake it. The acknowledgement of a batch's last event so
//! stands for all of it.

mod position;
mod reconciler;

#[cfg(test)]
pub(crate) use reconciler::compared;

use crate::Error;
use crate::background::Job;
use crate::fresh::Fresh;
use crate::loops;
use crate::signals::Signals;
use bus::Bus;
use position::{BATCH, LOOK, Position};
use schemas::event::WebhookEvent;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use store::outbox::{Outgoing, RelayLock};
use uuid::Uuid;

/// A round of this many events was not alone: more are being committed, and gathering them costs less than another
/// round for each few.
const BUSY: usize = 32;
/// How long a busy relay gathers.
const GATHER: Duration = Duration::from_millis(10);

/// How events leave for the bus.
#[derive(Debug, Clone, Copy)]
pub struct RelayOptions {
    /// How often the stream is compared with the database, besides after every connection and failure.
    pub reconcile_every: Duration,
}

/// What came of publishing events in a row.
enum Published {
    /// The stream has all of them.
    All,
    /// One of them is refused for itself, for this reason. The stream may have some of the others.
    Refused(String),
    /// Not acknowledged: which of them the stream has cannot be told.
    Unknown,
}

pub(crate) struct Relay {
    store: Store,
    bus: Bus,
    /// Without the role it only passes hints on.
    relays: bool,
    options: RelayOptions,
    signals: Arc<Signals>,
    fresh: Arc<Fresh>,
    /// The lock, and when it was last seen to stand.
    lock: Option<(RelayLock, Instant)>,
    /// Of the last run, when nothing went wrong in it.
    position: Option<Position>,
}

impl Relay {
    pub(crate) fn new(
        store: Store,
        bus: Bus,
        relays: bool,
        options: RelayOptions,
        signals: Arc<Signals>,
        fresh: Arc<Fresh>,
    ) -> Self {
        Self { store, bus, relays, options, signals, fresh, lock: None, position: None }
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

    /// Publishes until nothing waits.
    async fn publish_all(&mut self, mut position: Option<Position>) -> Result<Duration, Error> {
        loop {
            loops::beat();
            let mut current = match position.take() {
                Some(position) if position.is_current(&self.bus, self.options.reconcile_every) => position,
                _ => Position::compared(&self.store, &self.bus).await?,
            };
            if !self.holds_lock().await? {
                return Ok(self.stand_by());
            }
            let outgoing = current.next(&self.store, &self.signals, &self.fresh).await?;
            if outgoing.is_empty() {
                let pause = current.until_next_read();
                self.position = Some(current);
                return Ok(pause);
            }
            let busy = (BUSY..BATCH).contains(&outgoing.len());
            if !self.publish(&mut current, outgoing).await? {
                return Ok(LOOK);
            }
            if busy {
                tokio::time::sleep(GATHER).await;
            }
            position = Some(current);
        }
    }

    /// Publishes one batch; false when the stream did not take all of it, and has to be compared with the outbox.
    async fn publish(&mut self, position: &mut Position, outgoing: Vec<Outgoing>) -> Result<bool, Error> {
        self.call_for_deliveries(&outgoing).await;
        let events: Vec<WebhookEvent> = outgoing.into_iter().map(|out| out.event).collect();
        let (mut acknowledged, mut refused) = (Vec::with_capacity(events.len()), Vec::new());
        match self.publish_in_a_row(position, &events, &mut acknowledged).await {
            Published::All => {}
            Published::Refused(why) if events.len() == 1 => refused.push((events[0].event_id, why)),
            Published::Unknown if events.len() == 1 => {}
            // A copy of what the stream has keeps its old place, and so has what follows it refused. Alone it passes.
            Published::Refused(_) | Published::Unknown => {
                refused = self.publish_alone(position, &events, &mut acknowledged).await;
            }
        }
        if !position.is_connected_as_before(&self.bus) {
            // The stream that acknowledged may not be the one that is there now.
            return Ok(false);
        }
        if !acknowledged.is_empty() && !self.note(position.comparison, &acknowledged).await? {
            return Ok(false);
        }
        if !refused.is_empty() {
            tracing::error!(events = ?refused, "the stream refuses events; they are set aside, the others go on");
            self.store.set_refused_aside(&refused).await?;
        }
        let (acknowledged, tried) = (acknowledged.len() + refused.len(), events.len());
        if acknowledged < tried {
            tracing::warn!(acknowledged, tried, "events were not acknowledged; they go again");
        }
        Ok(acknowledged == tried)
    }

    /// False without the lock, which is held since this round began and is lost when this fails.
    async fn note(&mut self, comparison: i64, acknowledged: &[(Uuid, i64)]) -> Result<bool, Error> {
        let Some((mut lock, seen)) = self.lock.take() else { return Ok(false) };
        lock.mark_published(comparison, acknowledged).await?;
        self.lock = Some((lock, seen));
        Ok(true)
    }

    /// A lost work message costs a poll interval, no more.
    async fn call_for_deliveries(&self, outgoing: &[Outgoing]) {
        for out in outgoing {
            let Some(delivery_id) = out.delivery_id else { continue };
            let work = self.bus.delivery_work(out.event.request_id, delivery_id);
            if let Err(error) = self.bus.send(work).await {
                tracing::debug!(%error, "deliverers were not told; they also look by themselves");
                return;
            }
        }
    }

    /// Publishes one after the other until one is not acknowledged. An event that is refused for itself is left out; gives
    /// those.
    async fn publish_alone(
        &self,
        position: &mut Position,
        events: &[WebhookEvent],
        acknowledged: &mut Vec<(Uuid, i64)>,
    ) -> Vec<(Uuid, String)> {
        let mut refused = Vec::new();
        for event in events {
            match self.publish_in_a_row(position, std::slice::from_ref(event), acknowledged).await {
                Published::All => {}
                Published::Refused(why) => refused.push((event.event_id, why)),
                Published::Unknown => break,
            }
        }
        refused
    }

    /// Publishes a batch in a row and adds the id and stream sequence of each event to `acknowledged` when the stream has
    /// taken all of them.
    async fn publish_in_a_row(
        &self,
        position: &mut Position,
        events: &[WebhookEvent],
        acknowledged: &mut Vec<(Uuid, i64)>,
    ) -> Published {
        if !position.is_connected_as_before(&self.bus) {
            return Published::Unknown;
        }
        match self.bus.publish_events(position.last, events).await {
            Ok(last) => {
                let sequences = (0..=i64::try_from(last).unwrap_or(i64::MAX)).rev();
                acknowledged.extend(events.iter().rev().map(|event| event.event_id).zip(sequences));
                position.last = position.last.max(last);
                Published::All
            }
            Err(bus::Error::Refused(why)) => Published::Refused(why),
            Err(error) => {
                tracing::debug!(events = events.len(), %error, "not acknowledged");
                Published::Unknown
            }
        }
    }

    fn stand_by(&self) -> Duration {
        self.fresh.close();
        LOOK
    }
}

impl Job for Relay {
    const NAME: &'static str = "relay";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        // Whatever ends this run early leaves nothing that could be relied on.
        let position = self.position.take();
        if !self.bus.is_connected() {
            return Ok(self.stand_by());
        }
        let publishes = self.relays && self.holds_lock().await?;
        if self.signals.take_hint(publishes) {
            self.bus.hint().await;
        }
        if !publishes {
            return Ok(self.stand_by());
        }
        self.publish_all(position).await
    }
}
