//! Compares what Postgres says was published with what the stream holds, and has published again what is missing.
//!
//! An acknowledgement is not durability: a stream can be lost and made anew, or go back to an earlier state (a crash
//! before it was flushed, a restored backup). So the relay asks here before it publishes: after every connection, after
//! every failure, and from time to time. The cases:
//!
//! - another **incarnation** of the stream (its moment of creation differs from the one remembered): everything that
//!   the stream would still keep goes again;
//! - the stream's last sequence lies below what events claim: those above it go again;
//! - a sequence that an event claims holds another message, since the stream went back and has grown again: that event
//!   goes again;
//! - the stream holds an event whose acknowledgement was never noted: it is noted now.
//!
//! Messages that somebody deleted, and those that the stream's own limits removed, are not missing.

use crate::{Error, clock};
use bus::{Bus, StreamState};
use store::Store;
use uuid::Uuid;

/// How much of the stream's end is compared message by message: far more than one connection can have in flight.
const COMPARED: i64 = 8_192;

/// The stream after a comparison: the outbox is true of it.
pub(crate) struct Compared {
    /// What acknowledgements are noted with.
    pub(crate) comparison: i64,
    /// Sequence of its last message.
    pub(crate) last: i64,
}

/// Makes sure that the streams are there and that the outbox is true of them.
pub(crate) async fn compared(store: &Store, bus: &Bus) -> Result<Compared, Error> {
    let stream = bus.ensure_streams().await.map_err(fault)?;
    let comparison = store.begin_comparison().await?;
    let lost = unmark_lost(store, bus, &stream, comparison.incarnation.as_deref()).await?;
    let from = stream.first.max(stream.last.saturating_sub(COMPARED - 1));
    let there = bus.event_ids(from, stream.last).await.map_err(fault)?;
    let lost = lost + store.unmark_displaced(&there).await?;
    // Published again they would be copies, and what follows a copy in a batch could overtake what was refused before.
    let there: Vec<(Uuid, i64)> = there.into_iter().map(|(sequence, id)| (id, sequence)).collect();
    let found = store.mark_published(comparison.number, &there).await?;
    // Last: whoever is interrupted before begins anew.
    store.remember_stream(&stream.incarnation).await?;
    if lost > 0 {
        tracing::warn!(lost, found, "the stream had lost events; what was not found is published again");
    }
    Ok(Compared { comparison: comparison.number, last: stream.last })
}

/// Takes back the marks of events that the stream cannot hold; gives how many. `remembered`: the incarnation that was
/// published to last.
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
