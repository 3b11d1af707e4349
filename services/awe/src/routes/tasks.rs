//! Tasks: what somebody is asked to decide.

use crate::auth::{Admin, Identity, Listing};
use crate::error::ApiError;
use crate::extract::{Body, Query, TaskId, check_word};
use crate::operations::people::check_known;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::request::TaskStatus;
use schemas::api::{
    DecisionIn, DecisionOut, ListTasksQuery, PagedTasksOut, ReassignTaskIn, TaskOut, TaskStatsOut,
    TaskStatsQuery,
};
use store::tasks::TaskFilter;

type Answer<T> = Result<Json<T>, ApiError>;

pub(super) async fn list(
    State(state): State<AppState>,
    caller: Identity,
    _: Listing,
    Query(query): Query<ListTasksQuery>,
) -> Answer<PagedTasksOut> {
    Ok(Json(state.store().list_tasks(&filter(query, caller)?).await?))
}

fn filter(query: ListTasksQuery, caller: Identity) -> Result<TaskFilter, ApiError> {
    check_word("status", query.status.as_deref(), TaskStatus::WORDS)?;
    Ok(TaskFilter {
        assignee: match query.assignee.as_deref() {
            None | Some("me") => Some(caller.subject),
            Some("*") => None,
            Some(other) => Some(other.to_owned()),
        },
        request_id: query.request_id,
        status: query.status,
        artifact_type: query.artifact_type,
        policy_key: query.policy_key,
        search_text: query.search_text.filter(|text| !text.is_empty()),
        page: query.page,
        page_size: query.page_size,
    })
}

pub(super) async fn stats(
    State(state): State<AppState>,
    caller: Identity,
    _: Listing,
    Query(query): Query<TaskStatsQuery>,
) -> Answer<TaskStatsOut> {
    check_word("status", query.status.as_deref(), TaskStatus::WORDS)?;
    Ok(Json(state.store().task_stats(&caller.subject, query.status.as_deref()).await?))
}

pub(super) async fn claim(
    State(state): State<AppState>,
    caller: Identity,
    TaskId(id): TaskId,
) -> Answer<TaskOut> {
    Ok(Json(state.requests()?.claim(caller.caller(), id).await?))
}

pub(super) async fn decide(
    State(state): State<AppState>,
    caller: Identity,
    TaskId(id): TaskId,
    Body(body): Body<DecisionIn>,
) -> Result<(StatusCode, Json<DecisionOut>), ApiError> {
    let decision = state.requests()?.decide(caller.caller(), id, body).await?;
    Ok((StatusCode::CREATED, Json(decision)))
}

pub(super) async fn reassign(
    State(state): State<AppState>,
    Admin(admin): Admin,
    TaskId(id): TaskId,
    Body(body): Body<ReassignTaskIn>,
) -> Answer<TaskOut> {
    check_known(&state, "new_assignee", &body.new_assignee).await?;
    Ok(Json(state.requests()?.reassign(admin.caller(), id, body).await?))
}
