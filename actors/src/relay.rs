//! Publishes events from the outbox to the bus. One relay per database publishes at a time, so that the events of a
//! request leave in order; the others stand by and send hints. An event that was not acknowledged stays in the outbox
//! and is published again with the same message id.
//!
//! Events that this process commits come through a queue in memory ([`Fresh`]). Events of other processes, and any
//! that the queue may lack, are read from the outbox, which happens once a second in any case.
//!
//! The stream accepts each event only directly after the one published before it. When a connection breaks, messages
//! in flight can be lost, and without this rule the messages on the next connection would overtake them. It also
//! means that the acknowledgement of a batch's last event covers the whole batch.

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
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::Store;
use store::outbox::{Outgoing, RelayLock};
use telemetry::{Trace, measure};
use tracing::{Instrument, Span};

/// After a batch of at least this many events, or one that followed another so soon, more are probably being committed,
/// and one larger batch costs less than several small ones: each is a round trip to the stream and a statement.
const BUSY: usize = 32;
const SOON: Duration = Duration::from_millis(10);
/// How long a busy relay gathers events.
const GATHER: Duration = Duration::from_millis(5);

/// How events leave for the bus.
#[derive(Debug, Clone, Copy)]
pub struct RelayOptions {
    /// How often the stream is reconciled with the outbox, besides after every connection and failure.
    pub reconcile_every: Duration,
}

/// The result of publishing a batch.
enum Published {
    /// The stream has all events.
    All,
    /// The stream refuses one of the events itself, for this reason. It may have some of the others.
    Refused(String),
    /// Not acknowledged: it is unknown which of them the stream has.
    Unknown,
}

/// What became of the events of a batch, by position in the outbox.
#[derive(Default)]
struct Outcome {
    /// With the sequence in the stream.
    acknowledged: Vec<(i64, i64)>,
    /// With the reason.
    refused: Vec<(i64, String)>,
}

/// An event, and the trace that it belongs to.
type Traced = (WebhookEvent, Option<Trace>);

/// The span of publishing a batch. An event alone is published in its own trace.
fn span_of(events: &[Traced]) -> Span {
    let make = || {
        tracing::debug_span!(
            parent: None,
            "publish",
            otel.kind = "producer",
            messaging.system = "nats",
            messaging.operation.name = "publish",
            messaging.operation.type = "send",
            messaging.batch.message_count = events.len()
        )
    };
    match events {
        [(_, Some(trace))] => trace.within(make),
        _ => telemetry::trace::about(events.iter().filter_map(|(_, trace)| trace.as_ref()), make),
    }
}

pub(crate) struct Relay {
    store: Store,
    bus: Bus,
    /// Without the role, it only sends hints.
    relays: bool,
    options: RelayOptions,
    signals: Arc<Signals>,
    fresh: Arc<Fresh>,
    /// The advisory lock, and when it was last known to be held.
    lock: Option<(RelayLock, Instant)>,
    /// When the last batch was published.
    published: Option<Instant>,
    /// From the previous run, if nothing went wrong in it.
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
        Self { store, bus, relays, options, signals, fresh, lock: None, published: None, position: None }
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

    /// Publishes until the outbox is empty.
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
            let follows = self.published.is_some_and(|last| last.elapsed() < SOON);
            let busy = outgoing.len() < BATCH && (follows || outgoing.len() >= BUSY);
            self.published = Some(Instant::now());
            if !self.publish(&mut current, outgoing).await? {
                return Ok(LOOK);
            }
            if busy {
                tokio::time::sleep(GATHER).await;
                self.published = Some(Instant::now());
            }
            position = Some(current);
        }
    }

    /// Publishes one batch. Returns false when the stream did not take all of it and must be reconciled with the
    /// outbox.
    async fn publish(&mut self, position: &mut Position, outgoing: Vec<Outgoing>) -> Result<bool, Error> {
        self.call_for_deliveries(&outgoing).await;
        let (positions, events): (Vec<i64>, Vec<Traced>) =
            outgoing.into_iter().map(|out| (out.position, (out.event, out.trace))).unzip();
        let mut outcome = Outcome::default();
        match self.publish_in_a_row(position, &positions, &events, &mut outcome).await {
            Published::All => {}
            Published::Refused(why) if events.len() == 1 => outcome.refused.push((positions[0], why)),
            Published::Unknown if events.len() == 1 => {}
            // Most often one event is in the stream already: as a duplicate it keeps its old sequence, so the rest of
            // the batch does not follow it and is refused. One by one, they pass.
            Published::Refused(_) | Published::Unknown => {
                self.publish_alone(position, &positions, &events, &mut outcome).await;
            }
        }
        if !position.is_connected_as_before(&self.bus) {
            // The stream that acknowledged may have been replaced.
            return Ok(false);
        }
        let Outcome { acknowledged, refused } = outcome;
        if !refused.is_empty() {
            tracing::error!(events = ?refused, "the stream refuses events; they are set aside, the others go on");
            self.store.set_refused_aside(&refused).await?;
        }
        for (done, _) in &refused {
            position.ledger.close(*done, *done);
        }
        for (done, _) in &acknowledged {
            position.ledger.close(*done, *done);
        }
        if !acknowledged.is_empty() && !self.note(position, &acknowledged).await? {
            return Ok(false);
        }
        self.bus.hint_events().await;
        let (acknowledged, tried) = (acknowledged.len() + refused.len(), events.len());
        if acknowledged < tried {
            tracing::warn!(acknowledged, tried, "events were not acknowledged; they go again");
        }
        Ok(acknowledged == tried)
    }

    /// Notes what was published, on the connection that holds the lock. Returns false when the lock is not held or
    /// another comparison has begun.
    async fn note(&mut self, position: &Position, acknowledged: &[(i64, i64)]) -> Result<bool, Error> {
        let Some((mut lock, seen)) = self.lock.take() else { return Ok(false) };
        let noted = lock.note_published(position.comparison, position.ledger.settled(), acknowledged).await?;
        self.lock = Some((lock, seen));
        Ok(noted)
    }

    /// A lost work message costs the poll interval of the delivery role, no more.
    async fn call_for_deliveries(&self, outgoing: &[Outgoing]) {
        for out in outgoing {
            let Some(delivery_id) = out.delivery_id else { continue };
            let work = self.bus.delivery_work(out.event.request_id, delivery_id, out.trace.as_ref());
            if let Err(error) = self.bus.send(work).await {
                tracing::debug!(%error, "deliverers were not told; they also look by themselves");
                return;
            }
        }
    }

    /// Publishes the events one by one until one is not acknowledged. Those that the stream itself refuses are left
    /// out.
    async fn publish_alone(
        &self,
        position: &mut Position,
        positions: &[i64],
        events: &[Traced],
        outcome: &mut Outcome,
    ) {
        for (at, event) in positions.iter().zip(events) {
            let (at, event) = (std::slice::from_ref(at), std::slice::from_ref(event));
            match self.publish_in_a_row(position, at, event, outcome).await {
                Published::All => {}
                Published::Refused(why) => outcome.refused.push((at[0], why)),
                Published::Unknown => break,
            }
        }
    }

    /// Publishes a batch. If the stream has taken all of it, adds the position and stream sequence of each event to
    /// the outcome.
    async fn publish_in_a_row(
        &self,
        position: &mut Position,
        positions: &[i64],
        events: &[Traced],
        outcome: &mut Outcome,
    ) -> Published {
        if !position.is_connected_as_before(&self.bus) {
            return Published::Unknown;
        }
        match self.bus.publish_events(position.last, events).instrument(span_of(events)).await {
            Ok(last) => {
                let sequences = (0..=i64::try_from(last).unwrap_or(i64::MAX)).rev();
                outcome.acknowledged.extend(positions.iter().rev().copied().zip(sequences));
                position.last = position.last.max(last);
                measure::published("acknowledged", events.len());
                Published::All
            }
            Err(bus::Error::Refused(why)) => {
                measure::published("refused", events.len());
                Published::Refused(why)
            }
            Err(error) => {
                measure::published("unanswered", events.len());
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
        // Taken out first: if this run ends early, nothing of it may be relied on.
        let position = self.position.take();
        if !self.bus.is_connected() {
            return Ok(self.stand_by());
        }
        let publishes = self.relays && self.holds_lock().await?;
        self.signals.leads.store(publishes, Ordering::Relaxed);
        if self.signals.take_hint(publishes) {
            self.bus.hint().await;
        }
        if !publishes {
            return Ok(self.stand_by());
        }
        self.publish_all(position).await
    }
}
