//! Health, version and configuration: open to everybody, enveloped.

use crate::error::{ApiError, Reason};
use crate::extract::KnownQuery;
use crate::state::AppState;
use actors::COMMIT_WRITER;
use axum::Json;
use axum::extract::State;
use schemas::api::{ConfigResponse, VersionPayload, VersionResponse};
use serde_json::{Value, json};
use std::time::Duration;
use time::OffsetDateTime;

const PING: Duration = Duration::from_secs(1);
/// An event that waits for the stream for longer is late: NATS is full, or no process relays.
const OUTBOX_PATIENCE: Duration = Duration::from_secs(10);

/// Up, when the database answers and can be written to. What else does not run only degrades, since the rest goes on:
/// `nats` when it does not answer, `outbox` when events wait for it or are refused by it, `loops` when a loop of this process is in trouble,
/// named in `loops`.
pub(super) async fn health(State(state): State<AppState>, _: KnownQuery) -> Result<Json<Value>, ApiError> {
    let troubles = state.loops()?.troubles();
    if troubles.iter().any(|trouble| trouble.name == COMMIT_WRITER) {
        tracing::error!(?troubles, "nothing can be written");
        return Err(Reason::WriterDown.into());
    }
    let outbox = match tokio::time::timeout(PING, state.store().outbox_health(OUTBOX_PATIENCE)).await {
        Ok(Ok(outbox)) => outbox,
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => return Err(state.store().outage().await.into()),
    };
    let mut payload = json!({"status": "UP"});
    let away = state.bus().is_some_and(|bus| !bus.is_connected());
    let degraded: Vec<&str> =
        [(away, "nats"), (outbox.late || outbox.refuses, "outbox"), (!troubles.is_empty(), "loops")]
            .into_iter()
            .filter_map(|(is, word)| is.then_some(word))
            .collect();
    if !degraded.is_empty() {
        payload["degraded"] = json!(degraded);
    }
    if !troubles.is_empty() {
        // What they failed with is for the log: anybody may ask here.
        let loops = troubles.iter().map(|trouble| json!({"name": trouble.name, "state": trouble.state}));
        payload["loops"] = loops.collect();
    }
    let (id, version) = (&state.config().service_id, &state.config().api_version);
    let responsetime = rfc3339(OffsetDateTime::now_utc());
    Ok(Json(json!({
        "id": id, "version": version, "responsetime": responsetime, "response": payload, "errors": [],
    })))
}

fn rfc3339(now: OffsetDateTime) -> String {
    now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

pub(super) async fn version(State(state): State<AppState>, _: KnownQuery) -> Json<VersionResponse> {
    let response = VersionPayload {
        service_version: env!("CARGO_PKG_VERSION").to_owned(),
        build_time: env!("AWE_BUILD_TIME").to_owned(),
        git_commit: env!("AWE_GIT_COMMIT").to_owned(),
    };
    Json(VersionResponse {
        id: state.config().service_id.clone(),
        version: state.config().api_version.clone(),
        responsetime: OffsetDateTime::now_utc(),
        response,
        errors: Vec::new(),
    })
}

pub(super) async fn config(State(state): State<AppState>, _: KnownQuery) -> Json<ConfigResponse> {
    Json(ConfigResponse {
        id: state.config().service_id.clone(),
        version: state.config().api_version.clone(),
        responsetime: OffsetDateTime::now_utc(),
        response: state.config().public(),
        errors: Vec::new(),
    })
}
