//! Writes of callback secrets. Gate and webhook learn whose secret it is, and never the secret.

use super::once::Answered;
use crate::admission::{Asset, Operation, Write};
use crate::auth::Identity;
use crate::error::{ApiError, Reason};
use crate::state::AppState;
use axum::http::HeaderMap;
use schemas::api::{CallbackSecretCreate, CallbackSecretCreatedOut, CallbackSecretOut, CallbackSecretUpdate};
use serde_json::{Value, json};
use store::once::Once;
use store::secrets::{self, NewSecret, check_secret};
use uuid::Uuid;

const SECRET_ROUTE: &str = "/v1/awe/admin/callback-secrets/{secret_id}";

fn write<'a>(operation: Operation, route: &'static str, name: &'a str) -> Write<'a> {
    Write { asset: Asset::CallbackSecret, operation, route, name }
}

pub(crate) async fn create(
    state: &AppState,
    admin: &Identity,
    once: Option<&Once>,
    headers: &HeaderMap,
    body: &CallbackSecretCreate,
) -> Result<CallbackSecretCreatedOut, ApiError> {
    let (name, given) = (&body.caller_service, body.secret.as_deref());
    given.map(check_secret).transpose().map_err(|why| ApiError::invalid(format!("field secret: {why}")))?;
    let (credential, clients) = (body.credential.as_deref(), body.clients.as_deref().unwrap_or_default());
    check_credential(state, credential)?;
    not_to_anybody(credential, clients).map_err(|why| ApiError::body("clients", why))?;
    let write = write(Operation::Create, "/v1/awe/admin/callback-secrets", name);
    let mut question = json!({"caller_service": name});
    if !clients.is_empty() {
        question["clients"] = json!(clients);
    }
    state.admission().ask(write, headers, &question).await?;
    let new = NewSecret { caller_service: name, secret: given, credential, clients };
    let created = state.store().create_secret(&new, &admin.acting(once), state.vault()).await?;
    let card = json!({"id": created.id, "caller_service": created.caller_service, "status": created.status});
    state.admission().tell(write, &admin.subject, &card);
    Ok(created)
}

/// What is compared with a later call under the same key: everything but the given secret, which is not stored. See
/// [`with_secret`].
pub(crate) fn asked(body: &CallbackSecretCreate) -> Value {
    json!({
        "caller_service": body.caller_service, "credential": body.credential, "clients": body.clients,
        "secret_given": body.secret.is_some(),
    })
}

/// A replayed answer is stored without the secret. It is shown once more to whoever has the key, unless they give
/// another secret than the first time.
pub(crate) async fn with_secret(
    state: &AppState,
    created: Answered<CallbackSecretCreatedOut>,
    given: Option<&str>,
) -> Result<Answered<CallbackSecretCreatedOut>, ApiError> {
    if !created.replayed {
        return Ok(created);
    }
    let answer = state.store().show_again(created.answer, state.vault()).await?;
    if given.is_some_and(|given| check_secret(given).as_ref() != Ok(&answer.secret)) {
        return Err(Reason::IdempotencyKeyReused.into());
    }
    Ok(Answered { answer, replayed: true })
}

pub(crate) async fn update(
    state: &AppState,
    admin: &Identity,
    headers: &HeaderMap,
    id: Uuid,
    body: &CallbackSecretUpdate,
) -> Result<CallbackSecretOut, ApiError> {
    if body.credential.is_none() && body.clients.is_none() {
        return Err(ApiError::body("credential", "this or clients must be given"));
    }
    check_credential(state, body.credential.iter().flatten().next().map(String::as_str))?;
    let name = &id.to_string();
    let write = write(Operation::Update, SECRET_ROUTE, name);
    // The gate is not asked about a secret that is unknown or revoked: the update below refuses it.
    if let Some(caller_service) = state.store().secret_caller(id).await? {
        let mut question = json!({"id": id, "caller_service": caller_service});
        if let Some(clients) = &body.clients {
            question["clients"] = json!(clients);
        }
        state.admission().ask(write, headers, &question).await?;
    }
    let check = |after: &CallbackSecretOut| not_to_anybody(after.credential.as_deref(), &after.clients);
    let updated = state.store().update_secret(id, body, check, &admin.actor()).await?;
    let card = json!({"id": id, "caller_service": updated.caller_service, "status": updated.status});
    state.admission().tell(write, &admin.subject, &card);
    Ok(updated)
}

/// A revocation only takes something away, so the gate is not asked.
pub(crate) async fn revoke(state: &AppState, admin: &Identity, id: Uuid) -> Result<(), ApiError> {
    state.store().revoke_secret(id, &admin.actor()).await?;
    let name = &id.to_string();
    let write = write(Operation::Revoke, SECRET_ROUTE, name);
    state.admission().tell(write, &admin.subject, &json!({"id": id, "status": "revoked"}));
    Ok(())
}

/// Refuses the name of a credential that is not configured: every webhook of the caller would fail.
fn check_credential(state: &AppState, name: Option<&str>) -> Result<(), ApiError> {
    match name {
        Some(name) if state.credentials().get(name).is_none() => Err(ApiError::body(
            "credential",
            format!("no credential {name:?} is configured in this installation (credentials.<name>)"),
        )),
        _ => Ok(()),
    }
}

/// A request that names a secret also chooses the URL that the secret's credential is sent to. So a secret with a
/// credential must not be open to every client.
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
