//! Creating a request, and who sees which part of one.

use super::people::name_assignees;
use crate::admission::{Asset, Operation, Write};
use crate::auth::Identity;
use crate::error::{ApiError, Reason};
use crate::extract::idempotency_key;
use crate::state::AppState;
use actors::{Created, NewRequest};
use axum::http::HeaderMap;
use outbound::redacted_url;
use schemas::api::{CreateRequestIn, RequestOut};
use serde_json::Value;

/// Creates a request, or replays the first answer under the same `Idempotency-Key`.
///
/// A replay is answered before a refusal: what was accepted once is not refused to a caller who repeats it, though its
/// `expires_at` has passed by now. A replay writes nothing, so the gate is not asked and the webhook not told.
pub(crate) async fn create(
    state: &AppState,
    caller: Identity,
    headers: &HeaderMap,
    body: CreateRequestIn,
) -> Result<Created, ApiError> {
    let idempotency_key = idempotency_key(headers)?;
    check_context(&body.context, state)?;
    let refused = check(&body, &caller, state).await.err();
    let (subject, artifact) = (caller.subject, body.artifact_id.clone());
    let write = Write {
        asset: Asset::Request,
        operation: Operation::Create,
        route: "/v1/awe/requests",
        name: &artifact,
    };
    if refused.is_none()
        && state.admission().asks(Asset::Request)
        && !is_replay(idempotency_key.as_deref(), &subject, state).await?
    {
        state.admission().ask(write, headers, &body).await?;
    }
    let new = NewRequest { body, subject: subject.clone(), idempotency_key };
    let requests = state.requests()?;
    let mut created = match refused {
        None => requests.create(new).await?,
        Some(refused) => requests.first_answer(&new).await?.ok_or(refused)?,
    };
    if !created.replayed {
        state.admission().tell(write, &subject, &created.answer);
    }
    name_assignees(state, &mut created.answer.tasks);
    Ok(created)
}

/// Whether the first answer under this key is stored already.
async fn is_replay(key: Option<&str>, subject: &str, state: &AppState) -> Result<bool, ApiError> {
    let Some(key) = key else { return Ok(false) };
    Ok(state.store().is_answered(subject, key).await?)
}

/// Refuses a context that is larger than the configuration allows, for a create and for a simulation.
pub(crate) fn check_context(context: &Value, state: &AppState) -> Result<(), ApiError> {
    let checked = state.config().requests.context_bounds().check(context);
    checked.map_err(|why| ApiError::body("context", why))
}

async fn check(body: &CreateRequestIn, caller: &Identity, state: &AppState) -> Result<(), ApiError> {
    check_values(body, state)?;
    check_secret(body, caller, state).await
}

fn check_values(body: &CreateRequestIn, state: &AppState) -> Result<(), ApiError> {
    let mut faults = Vec::new();
    if let Some(Err(why)) = body.callback_url.as_deref().map(|url| state.egress().check_url(url)) {
        faults.push(format!("field callback_url: {why}"));
    }
    if body.expires_at.is_some_and(|at| at <= actors::clock::now()) {
        faults.push("field expires_at: must be in the future".to_owned());
    }
    if faults.is_empty() { Ok(()) } else { Err(ApiError::several(Reason::FaultyValue, faults)) }
}

/// A caller may name its own secret, and one that is shared with the OAuth client of its token. With any other secret
/// it could sign webhooks in the name of somebody else.
async fn check_secret(body: &CreateRequestIn, caller: &Identity, state: &AppState) -> Result<(), ApiError> {
    let Some(id) = body.callback_secret_id else { return Ok(()) };
    match state.store().secret_may_name(id).await? {
        Some(may) if caller.is_admin() || may.allows(&caller.subject, caller.client.as_deref()) => Ok(()),
        _ => Err(ApiError::invalid("field callback_secret_id: the caller has no such secret")),
    }
}

/// A callback URL may carry a token in its query. Only its author and viewers see the values of the query.
pub(crate) fn shown_to(reader: &Identity, request: RequestOut) -> RequestOut {
    if reader.is_viewer() || reader.subject == request.source_service {
        return request;
    }
    RequestOut { callback_url: request.callback_url.as_deref().map(redacted_url), ..request }
}
