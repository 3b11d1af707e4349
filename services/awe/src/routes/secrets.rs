//! Callback secrets: what webhooks are signed with.

use crate::admission::{Kind, Operation, Write};
use crate::auth::Admin;
use crate::error::ApiError;
use crate::extract::{Body, OptionalBody, SecretId};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use schemas::api::{CallbackSecretCreate, CallbackSecretCreatedOut, CallbackSecretOut, CallbackSecretRotate};
use serde_json::json;
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
    headers: HeaderMap,
    Body(body): Body<CallbackSecretCreate>,
) -> Result<Shown, ApiError> {
    let given = body.secret.as_deref();
    given.map(check_secret).transpose().map_err(|why| ApiError::invalid(format!("field secret: {why}")))?;
    let name = &body.caller_service;
    let route = "/v1/awe/admin/callback-secrets";
    let write = Write { kind: Kind::CallbackSecret, operation: Operation::Create, route, name };
    state.admission().ask(write, &headers, &json!({"caller_service": name})).await?;
    let (actor, vault) = (admin.actor(), state.vault());
    let created = state.store().create_secret(name, given, &actor, vault).await?;
    let card = json!({"id": created.id, "caller_service": created.caller_service, "status": created.status});
    state.admission().tell(write, &admin.subject, &card);
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
    let (name, route) = (&id.to_string(), "/v1/awe/admin/callback-secrets/{secret_id}");
    let write = Write { kind: Kind::CallbackSecret, operation: Operation::Revoke, route, name };
    state.admission().tell(write, &admin.subject, &json!({"id": id, "status": "revoked"}));
    Ok(StatusCode::NO_CONTENT)
}
