//! Reconciles the outbox with the stream: what batches claim to be published and is not in the stream is taken back and
//! published again.
//!
//! An acknowledgement does not mean that a message is durable: a stream can be lost and created anew, or return to an
//! earlier state (a crash before it was flushed, a restored backup). So the relay reconciles after every connection,
//! after every failure, and from time to time. The cases:
//!
//! - Another **incarnation** of the stream (its creation time differs from the one remembered): every event that the
//!   stream would still keep is published again.
//! - The stream's last sequence is lower than the sequences of some events: these are published again.
//! - The sequence of an event holds another message, because the stream went back and has grown again: that event is
//!   published again.
//! - The stream holds an event that nobody has noted: it is noted now.
//!
//! Messages that somebody deleted, or that the limits of the stream removed, are not missing.

use crate::{Error, clock};
use bus::{Bus, StreamState};
use store::Store;
use telemetry::measure;

/// How many messages at the end of the stream are compared one by one: far more than one connection can have in
/// flight.
const COMPARED: i64 = 8_192;

/// Most batches deleted with one reconciliation. More come more slowly.
const SWEPT: i64 = 10_000;

/// The stream after a reconciliation.
pub(crate) struct Compared {
    /// Number of this reconciliation; events are noted as published under it.
    pub(crate) comparison: i64,
    /// Sequence of the last message.
    pub(crate) last: i64,
}

/// Ensures that the streams exist and that what the outbox claims is true.
pub(crate) async fn compared(store: &Store, bus: &Bus) -> Result<Compared, Error> {
    let compared = compare(store, bus).await;
    if compared.is_err() {
        measure::compared("failed");
    }
    compared
}

async fn compare(store: &Store, bus: &Bus) -> Result<Compared, Error> {
    let stream = bus.ensure_streams().await.map_err(fault)?;
    let comparison = store.begin_comparison().await?;
    let lost = unmark_lost(store, bus, &stream, comparison.incarnation.as_deref()).await?;
    let from = stream.first.max(stream.last.saturating_sub(COMPARED - 1));
    let there = bus.event_ids(from, stream.last).await.map_err(fault)?;
    let lost = lost + store.unmark_displaced(&there).await?;
    // Events that the stream holds and nobody has noted are noted here and not published again. A repeated message
    // would be dropped as a duplicate, and an event after it in the same batch could then be accepted before events
    // that were refused earlier.
    let found = store.note_found(comparison.number, &there).await?;
    store.sweep_batches(clock::now() - 2 * bus.events_kept(), SWEPT).await?;
    // Last, so that a reconciliation that is interrupted starts over.
    store.remember_stream(&stream.incarnation).await?;
    measure::compared(if lost > 0 { "lost" } else { "same" });
    if lost > 0 {
        tracing::warn!(lost, found, "the stream had lost events; what was not found is published again");
    }
    Ok(Compared { comparison: comparison.number, last: stream.last })
}

/// Takes back the claims to events that the stream cannot hold and returns how many. `remembered` is the incarnation that
/// was last published to.
async fn unmark_lost(
    store: &Store,
    bus: &Bus,
    stream: &StreamState,
    remembered: Option<&str>,
) -> Result<u64, Error> {
    Ok(match remembered {
        None => 0,
        Some(incarnation) if incarnation == stream.incarnation => {
            store.unmark_above(stream.last, |_| ()).await?
        }
        Some(_) => store.unmark_since(clock::now() - bus.events_kept(), |_| ()).await?,
    })
}

fn fault(error: bus::Error) -> Error {
    Error::Internal(error.to_string())
}
