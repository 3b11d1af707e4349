//! What the relay knows about the stream and the outbox. It is thrown away after every failure and determined again.

use super::reconciler;
use crate::Error;
use crate::fresh::Fresh;
use crate::signals::Signals;
use bus::Bus;
use std::time::{Duration, Instant};
use store::Store;
use store::outbox::{Ledger, Outgoing};

/// Events in one round.
pub(super) const BATCH: usize = 512;
/// How often an idle relay reads the outbox without a signal.
pub(super) const LOOK: Duration = Duration::from_millis(1250);

pub(super) struct Position {
    /// Number of the reconciliation that this is based on; noting events as published requires that no later one has
    /// begun.
    pub(super) comparison: i64,
    /// The stream's last sequence.
    pub(super) last: u64,
    /// The connection on which the reconciliation took place.
    connection: u64,
    /// When it took place.
    compared: Instant,
    /// When the outbox was last read to its end; events committed since then are in the queue in memory. `None`: the
    /// outbox may hold more.
    read: Option<Instant>,
    /// Where events may still wait. An event that was read and published can be in the queue in memory as well; it is
    /// dropped there, because its position is closed.
    pub(super) ledger: Ledger,
}

impl Position {
    /// Reconciles the stream with the outbox.
    pub(super) async fn compared(store: &Store, bus: &Bus) -> Result<Self, Error> {
        let connection = bus.connection();
        let stream = reconciler::compared(store, bus).await?;
        let ledger = store.ledger().await?;
        Ok(Self {
            comparison: stream.comparison,
            // The server's own number, which is not negative.
            last: u64::try_from(stream.last).unwrap_or_default(),
            connection,
            compared: Instant::now(),
            read: None,
            ledger,
        })
    }

    /// Whether no other reconciliation is due.
    pub(super) fn is_current(&self, bus: &Bus, reconcile_every: Duration) -> bool {
        self.is_connected_as_before(bus) && self.compared.elapsed() < reconcile_every
    }

    /// Whether this is still the connection of the reconciliation.
    pub(super) fn is_connected_as_before(&self, bus: &Bus) -> bool {
        bus.connection() == self.connection
    }

    /// The next events to publish: from the queue in memory, or from the outbox when that may hold more.
    pub(super) async fn next(
        &mut self,
        store: &Store,
        signals: &Signals,
        fresh: &Fresh,
    ) -> Result<Vec<Outgoing>, Error> {
        let unread = signals.take_unread();
        let read_lately = self.read.is_some_and(|at| !unread && at.elapsed() < LOOK);
        while read_lately && let Some(mut events) = fresh.take(BATCH) {
            let all_taken = events.is_empty();
            events.retain(|out| self.ledger.is_open(out.position));
            if all_taken || !events.is_empty() {
                return Ok(events);
            }
        }
        fresh.open();
        let now = Instant::now();
        let writers = if self.ledger.has_gaps() { Some(store.event_writers().await?) } else { None };
        let outgoing = store.unpublished(&self.ledger, BATCH).await?;
        let to_the_end = outgoing.len() < BATCH;
        if let Some(writers) = writers.filter(|_| to_the_end) {
            self.ledger.ask(writers, &outgoing.iter().map(|out| out.position).collect());
        }
        self.read = to_the_end.then_some(now);
        Ok(outgoing)
    }

    /// Time until the outbox is read without a signal.
    pub(super) fn until_next_read(&self) -> Duration {
        self.read.map_or(Duration::ZERO, |at| LOOK.saturating_sub(at.elapsed()))
    }
}
