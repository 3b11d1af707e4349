//! What the relay knows of the stream and of the outbox, as long as nothing goes wrong.

use super::reconciler;
use crate::Error;
use crate::fresh::Fresh;
use crate::signals::Signals;
use bus::Bus;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use store::Store;
use store::outbox::Outgoing;
use uuid::Uuid;

/// Events in one round.
pub(super) const BATCH: usize = 512;
/// How long an idle relay waits before it looks by itself.
pub(super) const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Position {
    /// Number of the comparison of stream and outbox that this is built on.
    pub(super) comparison: i64,
    /// The stream's last sequence.
    pub(super) last: u64,
    /// The connection on which the stream was compared with the outbox.
    connection: u64,
    /// When it was compared.
    compared: Instant,
    /// When the outbox was read to its end: what came since is handed over. `None` = there may be more in it.
    read: Option<Instant>,
    /// What was read then; the first of what is handed over may be among it.
    last_read: HashSet<Uuid>,
}

impl Position {
    /// Compares the stream with the outbox.
    pub(super) async fn compared(store: &Store, bus: &Bus) -> Result<Self, Error> {
        let connection = bus.connection();
        let stream = reconciler::compared(store, bus).await?;
        Ok(Self {
            comparison: stream.comparison,
            // The server's own number, which is not negative.
            last: u64::try_from(stream.last).unwrap_or_default(),
            connection,
            compared: Instant::now(),
            read: None,
            last_read: HashSet::new(),
        })
    }

    /// Whether nothing calls for another comparison.
    pub(super) fn is_current(&self, bus: &Bus, reconcile_every: Duration) -> bool {
        self.is_connected_as_before(bus) && self.compared.elapsed() < reconcile_every
    }

    /// Whether the connection has stood since the comparison.
    pub(super) fn is_connected_as_before(&self, bus: &Bus) -> bool {
        bus.connection() == self.connection
    }

    /// What to publish next: what was handed over, or what waits in the outbox when there may be more of that.
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
            events.retain(|out| !self.last_read.contains(&out.event.event_id));
            if all_taken || !events.is_empty() {
                return Ok(events);
            }
        }
        fresh.open();
        let now = Instant::now();
        let outgoing = store.unpublished(BATCH).await?;
        self.read = (outgoing.len() < BATCH).then_some(now);
        self.last_read = outgoing.iter().map(|out| out.event.event_id).collect();
        Ok(outgoing)
    }

    /// When the outbox is to be read though nothing calls for it.
    pub(super) fn until_next_read(&self) -> Duration {
        self.read.map_or(Duration::ZERO, |at| LOOK.saturating_sub(at.elapsed()))
    }
}
