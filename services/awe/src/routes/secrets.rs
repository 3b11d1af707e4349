//! Callback secrets: what webhooks are signed with.

use crate::auth::Admin;
use crate::error::ApiError;
use crate::extract::{Body, OptionalBody, SecretId};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use schemas::api::{CallbackSecretCreate, CallbackSecretCreatedOut, CallbackSecretOut, CallbackSecretRotate};
use store::secrets::check_secret;

type Shown = (StatusCode, [(header::HeaderName, HeaderValue); 1], Json<CallbackSecretCreatedOut>);

/// The one answer that holds a secret: nobody on the way may keep it.
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
    Body(body): Body<CallbackSecretCreate>,
) -> Result<Shown, ApiError> {
    let given = body.secret.as_deref();
    given.map(check_secret).transpose().map_err(|why| ApiError::invalid(format!("field secret: {why}")))?;
    let (actor, vault) = (admin.actor(), state.vault());
    let created = state.store().create_secret(&body.caller_service, given, &actor, vault).await?;
    Ok(shown(created))
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
    state.store().revoke_secret(id, &admin.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
