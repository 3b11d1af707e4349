//! Requests for approval and their history.

use super::{cursor, next_cursor, word};
use crate::admission::{Kind, Operation, Write};
use crate::auth::{Identity, Listing};
use crate::error::{ApiError, Reason};
use crate::extract::{Body, OptionalBody, Query, RequestId};
use crate::state::AppState;
use actors::NewRequest;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use outbound::redacted_url;
use schemas::api::{
    CancelRequest, CreateRequestIn, CreateRequestOut, EventOut, ListEventsQuery, ListRequestsQuery,
    RequestOut,
};
use serde_json::Value;
use store::requests::list::RequestFilter;

const STATUSES: [&str; 6] = ["pending", "in_review", "approved", "rejected", "cancelled", "expired"];
const MAX_KEY: usize = 255;

pub(super) async fn create(
    State(state): State<AppState>,
    caller: Identity,
    headers: HeaderMap,
    Body(body): Body<CreateRequestIn>,
) -> Result<(StatusCode, HeaderMap, Json<CreateRequestOut>), ApiError> {
    let idempotency_key = idempotency_key(&headers)?;
    check_context(&body.context, &state)?;
    let refused = match check(&body, &state) {
        Ok(()) => check_secret(&body, &caller, &state).await.err(),
        Err(refused) => Some(refused),
    };
    let artifact = body.artifact_id.clone();
    let write = Write {
        kind: Kind::Request,
        operation: Operation::Create,
        route: "/v1/awe/requests",
        name: &artifact,
    };
    let subject = caller.subject;
    if refused.is_none()
        && state.admission().asks(Kind::Request)
        && !is_replay(idempotency_key.as_deref(), &subject, &state).await?
    {
        state.admission().ask(write, &headers, &body).await?;
    }
    let new = NewRequest { body, subject: subject.clone(), idempotency_key };
    let requests = state.requests()?;
    let created = match refused {
        None => requests.create(new).await?,
        // What was accepted once is not refused to whoever repeats it, though its `expires_at` has passed by now.
        Some(refused) => requests.first_answer(&new).await?.ok_or(refused)?,
    };
    if !created.replayed {
        state.admission().tell(write, &subject, &created.answer);
    }
    let mut headers = HeaderMap::new();
    if created.replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok((StatusCode::CREATED, headers, Json(created.answer)))
}

/// Whether the answer is stored already: then nothing will be written, and the gate need not be asked again.
async fn is_replay(key: Option<&str>, subject: &str, state: &AppState) -> Result<bool, ApiError> {
    let Some(key) = key else { return Ok(false) };
    Ok(state.store().is_answered(subject, key).await?)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all("idempotency-key").iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(ApiError::invalid("header Idempotency-Key: must be given once"));
    }
    match value.to_str() {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => {
            Err(ApiError::invalid(format!("header Idempotency-Key: must be 1 to {MAX_KEY} ASCII characters")))
        }
    }
}

/// Whether a context is small enough to be kept, or tried.
pub(super) fn check_context(context: &Value, state: &AppState) -> Result<(), ApiError> {
    let checked = state.config().requests.context_bounds().check(context);
    checked.map_err(|why| ApiError::body("context", why))
}

fn check(body: &CreateRequestIn, state: &AppState) -> Result<(), ApiError> {
    let mut faults = Vec::new();
    if let Some(Err(why)) = body.callback_url.as_deref().map(|url| state.egress().check_url(url)) {
        faults.push(format!("field callback_url: {why}"));
    }
    if body.expires_at.is_some_and(|at| at <= actors::clock::now()) {
        faults.push("field expires_at: must be in the future".to_owned());
    }
    if faults.is_empty() { Ok(()) } else { Err(ApiError::several(Reason::FaultyValue, faults)) }
}

/// Signing with somebody else's secret would let a caller speak in their name, unless they share it with the client
/// that the caller comes by.
async fn check_secret(body: &CreateRequestIn, caller: &Identity, state: &AppState) -> Result<(), ApiError> {
    let Some(id) = body.callback_secret_id else { return Ok(()) };
    match state.store().secret_may_name(id).await? {
        Some(may) if caller.is_admin() || may.allows(&caller.subject, caller.client.as_deref()) => Ok(()),
        _ => Err(ApiError::invalid("field callback_secret_id: the caller has no such secret")),
    }
}

pub(super) async fn list(
    State(state): State<AppState>,
    reader: Identity,
    _: Listing,
    Query(query): Query<ListRequestsQuery>,
) -> Result<(HeaderMap, Json<Vec<RequestOut>>), ApiError> {
    word("status", query.status.as_deref(), &STATUSES)?;
    let filter = RequestFilter {
        cursor: cursor(query.cursor.as_deref())?,
        artifact_type: query.artifact_type,
        artifact_id: query.artifact_id,
        status: query.status,
        policy_key: query.policy_key,
        requester: query.requester,
        limit: query.limit,
    };
    let (requests, next) = state.store().list_requests(&filter).await?;
    let shown = requests.into_iter().map(|request| shown_to(&reader, request)).collect();
    Ok((next_cursor(next), Json(shown)))
}

pub(super) async fn read(
    State(state): State<AppState>,
    reader: Identity,
    RequestId(id): RequestId,
) -> Result<Json<RequestOut>, ApiError> {
    Ok(Json(shown_to(&reader, state.store().get_request(id).await?)))
}

/// A callback URL may carry a token: whoever neither wrote it nor looks after this installation sees where it leads,
/// and no value of its query.
fn shown_to(reader: &Identity, request: RequestOut) -> RequestOut {
    if reader.is_viewer() || reader.subject == request.source_service {
        return request;
    }
    RequestOut { callback_url: request.callback_url.as_deref().map(redacted_url), ..request }
}

pub(super) async fn events(
    State(state): State<AppState>,
    _: Identity,
    RequestId(id): RequestId,
    Query(query): Query<ListEventsQuery>,
) -> Result<(HeaderMap, Json<Vec<EventOut>>), ApiError> {
    let (events, next) = state.store().list_events(id, query.after).await?;
    Ok((next_cursor(next.map(|sequence| sequence.to_string())), Json(events)))
}

pub(super) async fn cancel(
    State(state): State<AppState>,
    caller: Identity,
    RequestId(id): RequestId,
    OptionalBody(body): OptionalBody<CancelRequest>,
) -> Result<Json<RequestOut>, ApiError> {
    Ok(Json(state.requests()?.cancel(caller.caller(), id, body).await?))
}
