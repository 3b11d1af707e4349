//! Callback secrets, which webhooks are signed with.

use crate::auth::Admin;
use crate::error::ApiError;
use crate::extract::{Body, OptionalBody, SecretId};
use crate::operations::{self, callback_secrets};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use schemas::api::{
    CallbackPingIn, CallbackPingOut, CallbackSecretCreate, CallbackSecretCreatedOut, CallbackSecretOut,
    CallbackSecretRotate, CallbackSecretUpdate,
};

type Shown = (StatusCode, [(header::HeaderName, HeaderValue); 1], Json<CallbackSecretCreatedOut>);

/// The only answers that hold a secret; no cache on the way may keep them.
fn shown(created: CallbackSecretCreatedOut) -> Shown {
    (StatusCode::CREATED, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(created))
}

pub(super) async fn list(
    State(state): State<AppState>,
    _: Admin,
) -> Result<Json<Vec<CallbackSecretOut>>, ApiError> {
    Ok(Json(state.store().list_secrets().await?))
}

pub(super) async fn create(
    State(state): State<AppState>,
    Admin(admin): Admin,
    headers: HeaderMap,
    Body(body): Body<CallbackSecretCreate>,
) -> Result<Shown, ApiError> {
    Ok(shown(callback_secrets::create(&state, &admin, &headers, &body).await?))
}

pub(super) async fn update(
    State(state): State<AppState>,
    Admin(admin): Admin,
    SecretId(id): SecretId,
    headers: HeaderMap,
    Body(body): Body<CallbackSecretUpdate>,
) -> Result<Json<CallbackSecretOut>, ApiError> {
    Ok(Json(callback_secrets::update(&state, &admin, &headers, id, &body).await?))
}

pub(super) async fn rotate(
    State(state): State<AppState>,
    Admin(admin): Admin,
    SecretId(id): SecretId,
    OptionalBody(body): OptionalBody<CallbackSecretRotate>,
) -> Result<Shown, ApiError> {
    let rotated = state.store().rotate_secret(id, body.grace_hours, &admin.actor(), state.vault()).await?;
    Ok(shown(rotated))
}

pub(super) async fn revoke(
    State(state): State<AppState>,
    Admin(admin): Admin,
    SecretId(id): SecretId,
) -> Result<StatusCode, ApiError> {
    callback_secrets::revoke(&state, &admin, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn ping(
    State(state): State<AppState>,
    Admin(admin): Admin,
    SecretId(id): SecretId,
    Body(body): Body<CallbackPingIn>,
) -> Result<Json<CallbackPingOut>, ApiError> {
    Ok(Json(operations::ping::ping(&state, &admin, id, &body.url).await?))
}
