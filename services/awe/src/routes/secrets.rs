//! Callback secrets, which webhooks are signed with.

use crate::auth::Admin;
use crate::error::ApiError;
use crate::extract::{Body, Key, OptionalBody, SecretId};
use crate::operations::once::{self, Answered};
use crate::operations::{callback_secrets, ping};
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
    key: Key,
    headers: HeaderMap,
    Body(body): Body<CallbackSecretCreate>,
) -> Result<Answered<Shown>, ApiError> {
    let once = key.of(&admin, &callback_secrets::asked(&body))?;
    let creating = callback_secrets::create(&state, &admin, once.as_ref(), &headers, &body);
    let created = once::answer(&state, once.as_ref(), creating).await?;
    Ok(callback_secrets::with_secret(&state, created, body.secret.as_deref()).await?.map(shown))
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
    key: Key,
    OptionalBody(body): OptionalBody<CallbackSecretRotate>,
) -> Result<Answered<Shown>, ApiError> {
    let once = key.of(&admin, &body)?;
    let (hours, actor) = (body.grace_hours, admin.acting(once.as_ref()));
    let rotating = async { Ok(state.store().rotate_secret(id, hours, &actor, state.vault()).await?) };
    let rotated = once::answer(&state, once.as_ref(), rotating).await?;
    Ok(callback_secrets::with_secret(&state, rotated, None).await?.map(shown))
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
    key: Key,
    Body(body): Body<CallbackPingIn>,
) -> Result<Answered<Json<CallbackPingOut>>, ApiError> {
    let once = key.of(&admin, &body)?;
    let pinging = ping::ping(&state, &admin, once.as_ref(), id, &body.url);
    Ok(once::answer(&state, once.as_ref(), pinging).await?.map(Json))
}
