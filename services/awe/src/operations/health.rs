//! Whether this process works.

use crate::error::{ApiError, Reason};
use crate::state::AppState;
use actors::{COMMIT_WRITER, Trouble};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the database may take to answer.
const PING: Duration = Duration::from_secs(1);
/// An event that has waited longer for the stream is late: NATS is full, or no process relays.
const OUTBOX_PATIENCE: Duration = Duration::from_secs(10);

/// `UP` when the database answers and can be written to. Anything else that fails only degrades, because the rest goes
/// on; `degraded` then names `nats` (it does not answer), `outbox` (events wait too long for the stream, or it refuses
/// them) or `loops` (a loop of this process is in trouble; the member `loops` names it).
///
/// # Errors
/// The process is starting, nothing can be written, or the database does not answer.
pub(crate) async fn health(state: &AppState) -> Result<Value, ApiError> {
    let troubles = state.loops()?.troubles();
    if troubles.iter().any(|trouble| trouble.name == COMMIT_WRITER) {
        tracing::error!(?troubles, "nothing can be written");
        return Err(Reason::WriterDown.into());
    }
    let outbox = match tokio::time::timeout(PING, state.store().outbox_health(OUTBOX_PATIENCE)).await {
        Ok(outbox) => outbox?,
        Err(_) => return Err(state.store().outage().await.into()),
    };
    let away = state.bus().is_some_and(|bus| !bus.is_connected());
    let parts = [(away, "nats"), (outbox.late || outbox.refuses, "outbox"), (!troubles.is_empty(), "loops")];
    Ok(payload(&parts, &troubles))
}

/// The process answers. Nothing else is looked at, the database least of all: whoever asks here restarts what does not
/// answer, and a restart heals no other server.
pub(crate) fn live() -> Value {
    json!({"status": "UP"})
}

/// `UP` when calls should be sent here: as [`health`], and 503 from the stop signal on.
///
/// # Errors
/// As [`health`], or the process is stopping.
pub(crate) async fn ready(state: &AppState) -> Result<Value, ApiError> {
    if state.is_leaving() {
        return Err(Reason::Stopping.into());
    }
    health(state).await
}

/// `UP` once the process has started, whatever happens afterwards.
///
/// # Errors
/// It is starting.
pub(crate) fn startup(state: &AppState) -> Result<Value, ApiError> {
    state.loops().map(|_| live())
}

fn payload(parts: &[(bool, &str)], troubles: &[Trouble]) -> Value {
    let mut payload = json!({"status": "UP"});
    let degraded: Vec<&str> = parts.iter().filter_map(|(fails, part)| fails.then_some(*part)).collect();
    if !degraded.is_empty() {
        payload["degraded"] = json!(degraded);
    }
    if !troubles.is_empty() {
        // Not what they failed with: that is for the log, and anybody may ask here.
        let loops = troubles.iter().map(|trouble| json!({"name": trouble.name, "state": trouble.state}));
        payload["loops"] = loops.collect();
    }
    payload
}
