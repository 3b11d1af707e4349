//! Health, version and configuration, which need no token and whose answers have the envelope that errors have; and who
//! the caller is.

use crate::auth::{Identity, Listing, Viewer};
use crate::error::ApiError;
use crate::extract::KnownQuery;
use crate::operations::{health, parts};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use schemas::api::{ConfigResponse, MeOut, PartsHealthOut, VersionPayload, VersionResponse};
use serde_json::{Value, json};
use time::OffsetDateTime;

pub(super) async fn health(State(state): State<AppState>, _: KnownQuery) -> Result<Json<Value>, ApiError> {
    let payload = health::health(&state).await?;
    Ok(told(&state, &payload))
}

pub(super) async fn live(State(state): State<AppState>, _: KnownQuery) -> Json<Value> {
    told(&state, &health::live())
}

pub(super) async fn ready(State(state): State<AppState>, _: KnownQuery) -> Result<Json<Value>, ApiError> {
    let payload = health::ready(&state).await?;
    Ok(told(&state, &payload))
}

pub(super) async fn startup(State(state): State<AppState>, _: KnownQuery) -> Result<Json<Value>, ApiError> {
    let payload = health::startup(&state)?;
    Ok(told(&state, &payload))
}

pub(super) async fn parts(
    State(state): State<AppState>,
    _: Viewer,
    _: Listing,
    _: KnownQuery,
) -> Result<Json<PartsHealthOut>, ApiError> {
    Ok(Json(parts::parts(&state).await?))
}

fn told(state: &AppState, payload: &Value) -> Json<Value> {
    let (id, version) = (&state.config().service_id, &state.config().api_version);
    let responsetime = rfc3339(OffsetDateTime::now_utc());
    Json(json!({
        "id": id, "version": version, "responsetime": responsetime, "response": payload, "errors": [],
    }))
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

pub(super) async fn me(caller: Identity) -> Json<MeOut> {
    let (is_viewer, is_admin) = (caller.is_viewer(), caller.is_admin());
    let Identity { subject, name, email, roles, .. } = caller;
    Json(MeOut { subject, name, email, roles, is_viewer, is_admin })
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
