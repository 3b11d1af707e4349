//! Callback secrets: what webhooks are signed with.

use crate::admission::{Kind, Operation, Write};
use crate::auth::Admin;
use crate::error::ApiError;
use crate::extract::{Body, OptionalBody, SecretId};
use crate::state::AppState;
use actors::Signer;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use schemas::api::{
    CallbackPingIn, CallbackPingOut, CallbackSecretCreate, CallbackSecretCreatedOut, CallbackSecretOut,
    CallbackSecretRotate, CallbackSecretUpdate,
};
use serde_json::json;
use store::secrets::{self, NewSecret, check_secret};
use time::OffsetDateTime;
use uuid::Uuid;

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
    let (credential, clients) = (body.credential.as_deref(), body.clients.unwrap_or_default());
    check_credential(&state, credential)?;
    not_to_anybody(credential, &clients).map_err(|why| ApiError::body("clients", why))?;
    let name = &body.caller_service;
    let route = "/v1/awe/admin/callback-secrets";
    let write = Write { kind: Kind::CallbackSecret, operation: Operation::Create, route, name };
    let mut question = json!({"caller_service": name});
    if !clients.is_empty() {
        question["clients"] = json!(clients);
    }
    state.admission().ask(write, &headers, &question).await?;
    let (actor, vault) = (admin.actor(), state.vault());
    let new = NewSecret { caller_service: name, secret: given, credential, clients: &clients };
    let created = state.store().create_secret(&new, &actor, vault).await?;
    let card = json!({"id": created.id, "caller_service": created.caller_service, "status": created.status});
    state.admission().tell(write, &admin.subject, &card);
    Ok(shown(created))
}

/// A name that means nothing here would keep every webhook from going out.
fn check_credential(state: &AppState, name: Option<&str>) -> Result<(), ApiError> {
    match name {
        Some(name) if state.credentials().get(name).is_none() => Err(ApiError::body(
            "credential",
            format!("no credential {name:?} is configured in this installation (credentials.<name>)"),
        )),
        _ => Ok(()),
    }
}

/// Whoever names a secret chooses where its credential is sent: never let that be anybody.
fn not_to_anybody(credential: Option<&str>, clients: &[String]) -> Result<(), String> {
    if credential.is_some() && clients.iter().any(|client| client == secrets::ANY) {
        return Err(
            "\"*\" would let any token have the credential sent to a URL of its own: name the clients, or \
                    send no credential"
                .to_owned(),
        );
    }
    Ok(())
}

pub(super) async fn update(
    State(state): State<AppState>,
    Admin(admin): Admin,
    SecretId(id): SecretId,
    headers: HeaderMap,
    Body(body): Body<CallbackSecretUpdate>,
) -> Result<Json<CallbackSecretOut>, ApiError> {
    if body.credential.is_none() && body.clients.is_none() {
        return Err(ApiError::body("credential", "this or clients must be given"));
    }
    check_credential(&state, body.credential.iter().flatten().next().map(String::as_str))?;
    let (name, route) = (&id.to_string(), "/v1/awe/admin/callback-secrets/{secret_id}");
    let write = Write { kind: Kind::CallbackSecret, operation: Operation::Update, route, name };
    // Of one that is unknown or revoked there is nothing to ask: it is refused below.
    if let Some(caller_service) = state.store().secret_caller(id).await? {
        let mut payload = json!({"id": id, "caller_service": caller_service});
        if let Some(clients) = &body.clients {
            payload["clients"] = json!(clients);
        }
        state.admission().ask(write, &headers, &payload).await?;
    }
    let check = |after: &CallbackSecretOut| not_to_anybody(after.credential.as_deref(), &after.clients);
    let updated = state.store().update_secret(id, &body, check, &admin.actor()).await?;
    let card = json!({"id": id, "caller_service": updated.caller_service, "status": updated.status});
    state.admission().tell(write, &admin.subject, &card);
    Ok(Json(updated))
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

/// Audited before it is sent: what leaves the house is on record, whatever comes of it.
pub(super) async fn ping(
    State(state): State<AppState>,
    Admin(admin): Admin,
    SecretId(id): SecretId,
    Body(body): Body<CallbackPingIn>,
) -> Result<Json<CallbackPingOut>, ApiError> {
    state.egress().check_url(&body.url).map_err(|why| ApiError::invalid(format!("field url: {why}")))?;
    let event_id = Uuid::now_v7();
    let actor = admin.actor();
    let caller_service = state.store().note_ping(id, event_id, &body.url, &actor).await?;
    let event = schemas::event::ping(event_id, id, &actor.subject, OffsetDateTime::now_utc());
    let courier = state.courier();
    let live =
        courier.secrets(Signer { caller_service: &caller_service, callback_secret_id: Some(id) }).await?;
    let sent = courier.send(&body.url, &caller_service, &event, &live).await;
    let answer = sent.outcome.as_ref().ok();
    Ok(Json(CallbackPingOut {
        event_id,
        delivered: sent.error().is_none(),
        status_code: answer.map(|answer| i32::from(answer.status)),
        latency_ms: i64::from(sent.latency_ms()),
        error: sent.error(),
        failed_by: sent.failed_by().map(str::to_owned),
        response_excerpt: answer.map(|answer| answer.excerpt.clone()),
    }))
}
