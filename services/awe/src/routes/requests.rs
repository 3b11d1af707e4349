//! Requests for approval and their history.

use super::page::{cursor, next_cursor};
use crate::auth::{Identity, Listing};
use crate::error::ApiError;
use crate::extract::{Body, Key, OptionalBody, Query, RequestId, check_word};
use crate::operations::once::{self, Answered};
use crate::operations::requests::{self, shown_to};
use crate::state::AppState;
use actors::Created;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use engine::request::RequestStatus;
use schemas::api::{
    CancelRequest, CreateRequestIn, CreateRequestOut, EventOut, ListEventsQuery, ListRequestsQuery,
    ProgressOut, RequestOut,
};
use store::page::List;
use store::requests::RequestFilter;

pub(super) async fn create(
    State(state): State<AppState>,
    caller: Identity,
    headers: HeaderMap,
    Body(body): Body<CreateRequestIn>,
) -> Result<(StatusCode, HeaderMap, Json<CreateRequestOut>), ApiError> {
    let Created { answer, replayed } = requests::create(&state, caller, &headers, body).await?;
    let mut headers = HeaderMap::new();
    if replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok((StatusCode::CREATED, headers, Json(answer)))
}

pub(super) async fn list(
    State(state): State<AppState>,
    reader: Identity,
    _: Listing,
    Query(query): Query<ListRequestsQuery>,
) -> Result<(HeaderMap, Json<Vec<RequestOut>>), ApiError> {
    let (requests, next) = state.store().list_requests(&filter(query)?).await?;
    let shown = requests.into_iter().map(|request| shown_to(&reader, request)).collect();
    Ok((next_cursor(next), Json(shown)))
}

fn filter(query: ListRequestsQuery) -> Result<RequestFilter, ApiError> {
    check_word("status", query.status.as_deref(), RequestStatus::WORDS)?;
    Ok(RequestFilter {
        cursor: cursor(List::Requests, query.cursor.as_deref())?,
        artifact_type: query.artifact_type,
        artifact_id: query.artifact_id,
        status: query.status,
        policy_key: query.policy_key,
        requester: query.requester,
        source_service: query.source_service,
        assignee: query.assignee,
        search_text: query.search_text,
        created_since: query.created_since,
        created_until: query.created_until,
        updated_since: query.updated_since,
        overdue: query.overdue,
        limit: query.limit,
    })
}

pub(super) async fn read(
    State(state): State<AppState>,
    reader: Identity,
    RequestId(id): RequestId,
) -> Result<Json<RequestOut>, ApiError> {
    Ok(Json(shown_to(&reader, state.store().get_request(id).await?)))
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

pub(super) async fn progress(
    State(state): State<AppState>,
    _: Identity,
    _: Listing,
    RequestId(id): RequestId,
) -> Result<Json<ProgressOut>, ApiError> {
    let reminded = state.config().notifier.remind_before();
    Ok(Json(state.requests()?.progress(id, reminded).await?))
}

pub(super) async fn cancel(
    State(state): State<AppState>,
    caller: Identity,
    RequestId(id): RequestId,
    key: Key,
    OptionalBody(body): OptionalBody<CancelRequest>,
) -> Result<Answered<Json<RequestOut>>, ApiError> {
    let once = key.of(&caller, &body)?;
    let cancelling =
        async { Ok(state.requests()?.under(once.as_ref()).cancel(caller.caller(), id, body).await?) };
    Ok(once::answer(&state, once.as_ref(), cancelling).await?.map(Json))
}
