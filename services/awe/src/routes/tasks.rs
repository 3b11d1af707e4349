//! Tasks: what somebody is asked to decide.

use super::page::{cursor, next_cursor};
use crate::auth::{Admin, Identity, Listing};
use crate::error::ApiError;
use crate::extract::{Body, Key, Query, TaskId, check_word};
use crate::operations::decisions;
use crate::operations::once::{self, Answered};
use crate::operations::people::{check_known, name_assignees, with_name};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use engine::request::TaskStatus;
use schemas::api::{
    DecisionIn, DecisionOut, DecisionsIn, DecisionsOut, ListTasksQuery, PagedTasksOut, ReassignTaskIn,
    TaskOut, TaskStatsOut, TaskStatsQuery,
};
use store::page::List;
use store::tasks::{ACTIONABLE, Sort, TaskFilter};

type Answer<T> = Result<Json<T>, ApiError>;

pub(super) async fn list(
    State(state): State<AppState>,
    caller: Identity,
    _: Listing,
    Query(query): Query<ListTasksQuery>,
) -> Result<(HeaderMap, Json<PagedTasksOut>), ApiError> {
    let (mut tasks, next) = state.store().list_tasks(&filter(query, caller)?).await?;
    name_assignees(&state, &mut tasks.items);
    Ok((next_cursor(next), Json(tasks)))
}

pub(super) async fn read(State(state): State<AppState>, _: Identity, TaskId(id): TaskId) -> Answer<TaskOut> {
    Ok(Json(with_name(&state, state.store().get_task(id).await?)))
}

fn filter(query: ListTasksQuery, caller: Identity) -> Result<TaskFilter, ApiError> {
    check_status(query.status.as_deref())?;
    check_word("sort", query.sort.as_deref(), &["created", "due"])?;
    check_word("count", query.count.as_deref(), &["exact", "none"])?;
    let (sort, list) = match query.sort.as_deref() {
        Some("due") => (Sort::Due, List::TasksByDue),
        _ => (Sort::Created, List::Tasks),
    };
    if query.cursor.is_some() && query.page != 1 {
        return Err(ApiError::query("page", "must be 1 or absent beside a cursor"));
    }
    Ok(TaskFilter {
        cursor: cursor(list, query.cursor.as_deref())?,
        sort,
        uncounted: query.count.as_deref() == Some("none"),
        overdue: query.overdue,
        due_before: query.due_before,
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

fn check_status(word: Option<&str>) -> Result<(), ApiError> {
    let mut known = TaskStatus::WORDS.to_vec();
    known.push(ACTIONABLE);
    check_word("status", word, &known)
}

pub(super) async fn stats(
    State(state): State<AppState>,
    caller: Identity,
    _: Listing,
    Query(query): Query<TaskStatsQuery>,
) -> Answer<TaskStatsOut> {
    check_status(query.status.as_deref())?;
    Ok(Json(state.store().task_stats(&caller.subject, query.status.as_deref()).await?))
}

pub(super) async fn claim(
    State(state): State<AppState>,
    caller: Identity,
    TaskId(id): TaskId,
    key: Key,
) -> Result<Answered<Json<TaskOut>>, ApiError> {
    let once = key.of(&caller, &())?;
    let claiming = async { Ok(state.requests()?.under(once.as_ref()).claim(caller.caller(), id).await?) };
    let claimed = once::answer(&state, once.as_ref(), claiming).await?;
    Ok(claimed.map(|task| Json(with_name(&state, task))))
}

pub(super) async fn decide(
    State(state): State<AppState>,
    caller: Identity,
    TaskId(id): TaskId,
    key: Key,
    Body(body): Body<DecisionIn>,
) -> Result<Answered<(StatusCode, Json<DecisionOut>)>, ApiError> {
    let once = key.of(&caller, &body)?;
    let deciding =
        async { Ok(state.requests()?.under(once.as_ref()).decide(caller.caller(), id, body).await?) };
    let decided = once::answer(&state, once.as_ref(), deciding).await?;
    Ok(decided.map(|decision| (StatusCode::CREATED, Json(decision))))
}

pub(super) async fn decide_many(
    State(state): State<AppState>,
    caller: Identity,
    key: Key,
    Body(body): Body<DecisionsIn>,
) -> Result<Answered<Json<DecisionsOut>>, ApiError> {
    let once = key.of(&caller, &body)?;
    let deciding = decisions::decide(&state, &caller, once.as_ref(), body);
    Ok(once::answer(&state, once.as_ref(), deciding).await?.map(Json))
}

pub(super) async fn reassign(
    State(state): State<AppState>,
    Admin(admin): Admin,
    TaskId(id): TaskId,
    key: Key,
    Body(body): Body<ReassignTaskIn>,
) -> Result<Answered<Json<TaskOut>>, ApiError> {
    let once = key.of(&admin, &body)?;
    let reassigning = async {
        check_known(&state, "new_assignee", &body.new_assignee).await?;
        Ok(state.requests()?.under(once.as_ref()).reassign(admin.caller(), id, body).await?)
    };
    let reassigned = once::answer(&state, once.as_ref(), reassigning).await?;
    Ok(reassigned.map(|task| Json(with_name(&state, task))))
}
