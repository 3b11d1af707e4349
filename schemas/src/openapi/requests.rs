//! Routes under `/requests`.
#![expect(dead_code, reason = "each function carries the description of a route")]

use super::answers::{Body, Guarded};
use crate::api::{
    CancelRequest, CreateRequestIn, CreateRequestOut, ErrorEnvelope, EventOut, EvidenceOut, ListEventsQuery,
    ListRequestsQuery, ProgressOut, RequestOut,
};

/// Create a request
///
/// Starts the active version of the policy. When approvers cannot be resolved at once the request stays
/// `pending` without tasks, and is resolved later by itself. Any token.
#[utoipa::path(
    post, path = "/v1/awe/requests", tag = "requests", request_body = CreateRequestIn,
    responses(
        (status = 201, description = "Created, or replayed", body = CreateRequestOut),
        (status = 400, description = "AWE-010: the callback URL is not acceptable, or expires_at is past", body = ErrorEnvelope),
        (status = 403, description = "AWE-011: denied by the policy gate, where it is asked about requests",
            body = ErrorEnvelope),
        (status = 404, description = "AWE-001: no active version of the policy", body = ErrorEnvelope),
        Guarded, Body,
        (status = 422, description = "AWE-010: a field or parameter is missing, unknown, of a wrong type or out of \
            range; `detail` names it; AWE-010: the context does not keep the policy's schema; `detail` names what is \
            wrong", body = ErrorEnvelope),
    ),
)]
fn create_request() {}

/// List requests
///
/// Newest first. Any token.
#[utoipa::path(
    get, path = "/v1/awe/requests", tag = "requests", params(ListRequestsQuery),
    responses(
        (status = 200, description = "Requests, newest first", body = Vec<RequestOut>,
            headers(("X-Next-Cursor" = String, description = "`cursor` of the next page; absent on the last. A page may hold less than its limit, or nothing, and have one: what no index finds is looked for in steps"))),
        Guarded,
    ),
)]
fn list_requests() {}

/// Get a request
///
/// Any token.
#[utoipa::path(
    get, path = "/v1/awe/requests/{request_id}", tag = "requests",
    params(("request_id" = Uuid, Path, description = "Id of the request")),
    responses(
        (status = 200, description = "The request", body = RequestOut),
        (status = 404, description = "AWE-003: no such request", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn get_request() {}

/// Say why a request waits
///
/// Its stages with their counts, what it waits for, what time alone will do, and who could move it: judged by the
/// rules that decide. Any token.
#[utoipa::path(
    get, path = "/v1/awe/requests/{request_id}/progress", tag = "requests",
    params(("request_id" = Uuid, Path, description = "Id of the request")),
    responses(
        (status = 200, description = "The progress, as of one moment", body = ProgressOut),
        (status = 404, description = "AWE-003: no such request", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn get_request_progress() {}

/// Cancel a request
///
/// An admin, or the subject that created it.
#[utoipa::path(
    post, path = "/v1/awe/requests/{request_id}/cancel", tag = "requests", request_body = CancelRequest,
    params(("request_id" = Uuid, Path, description = "Id of the request")),
    responses(
        (status = 200, description = "The cancelled request", body = RequestOut),
        (status = 403, description = "AWE-008: neither an admin nor its creator", body = ErrorEnvelope),
        (status = 404, description = "AWE-003: no such request", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: the request is terminal", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn cancel_request() {}

/// Take away everything that is known of a request
///
/// The request, its policy's text with hash, seats, tasks, decisions, events, webhooks and the audit trail, as of one
/// moment. Viewers.
#[utoipa::path(
    get, path = "/v1/awe/requests/{request_id}/evidence", tag = "requests",
    params(("request_id" = Uuid, Path, description = "Id of the request")),
    responses(
        (status = 200, description = "Everything, as of one moment", body = EvidenceOut),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        (status = 404, description = "AWE-003: no such request", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn get_request_evidence() {}

/// List a request's events
///
/// Its history, in order. One that is too long for an answer goes on after `X-Next-Cursor`. Any token.
#[utoipa::path(
    get, path = "/v1/awe/requests/{request_id}/events", tag = "requests",
    params(("request_id" = Uuid, Path, description = "Id of the request"), ListEventsQuery),
    responses(
        (status = 200, description = "Events, by sequence", body = Vec<EventOut>,
            headers(("X-Next-Cursor" = String, description = "`after` of the next part, when there is one"))),
        (status = 404, description = "AWE-003: no such request", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn list_request_events() {}
