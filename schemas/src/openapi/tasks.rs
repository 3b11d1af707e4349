//! Routes under `/tasks`.
#![expect(dead_code, reason = "each function carries the description of a route")]

use super::answers::{Body, Guarded};
use crate::api::{
    DecisionIn, DecisionOut, DecisionsIn, DecisionsOut, ErrorEnvelope, ListTasksQuery, PagedTasksOut,
    ReassignTaskIn, TaskOut, TaskStatsOut, TaskStatsQuery,
};

/// List tasks
///
/// Newest first, or due first. Any token.
#[utoipa::path(
    get, path = "/v1/awe/tasks", tag = "tasks", params(ListTasksQuery),
    responses(
        (status = 200, description = "One page of tasks", body = PagedTasksOut,
            headers(("X-Next-Cursor" = String, description = "`cursor` of the next page; absent on the last. A page may hold less than its limit, or nothing, and have one: what no index finds is looked for in steps"))),
        Guarded,
    ),
)]
fn list_tasks() {}

/// Get a task
///
/// With the facts that its list has. Any token.
#[utoipa::path(
    get, path = "/v1/awe/tasks/{task_id}", tag = "tasks",
    params(("task_id" = Uuid, Path, description = "Id of the task")),
    responses(
        (status = 200, description = "The task", body = TaskOut),
        (status = 404, description = "AWE-004: no such task", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn get_task() {}

/// Count my tasks
///
/// Any token.
#[utoipa::path(
    get, path = "/v1/awe/tasks/stats", tag = "tasks", params(TaskStatsQuery),
    responses(
        (status = 200, description = "Counts for the caller", body = TaskStatsOut),
        Guarded,
    ),
)]
fn get_task_stats() {}

/// Claim a task
///
/// Says that one is on it. The assignee, or an admin.
#[utoipa::path(
    post, path = "/v1/awe/tasks/{task_id}/claim", tag = "tasks",
    params(("task_id" = Uuid, Path, description = "Id of the task")),
    responses(
        (status = 200, description = "The claimed task", body = TaskOut),
        (status = 403, description = "AWE-008: not the assignee", body = ErrorEnvelope),
        (status = 404, description = "AWE-004: no such task", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: the task is not open", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn claim_task() {}

/// Decide a task
///
/// Exactly one decision a task, however often it is sent. The assignee, or an admin on their behalf.
#[utoipa::path(
    post, path = "/v1/awe/tasks/{task_id}/decision", tag = "tasks", request_body = DecisionIn,
    params(("task_id" = Uuid, Path, description = "Id of the task")),
    responses(
        (status = 201, description = "The recorded decision", body = DecisionOut),
        (status = 403, description = "AWE-008: not the assignee, or barred from deciding", body = ErrorEnvelope),
        (status = 404, description = "AWE-004: no such task", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: already decided, or not needed any more", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn decide_task() {}

/// Decide many tasks
///
/// Each item is decided as it would be alone, and what is wrong with one harms no other. Those of one request are
/// decided in their order. A task that is named again is refused. Any token; who may decide is judged for each task.
#[utoipa::path(
    post, path = "/v1/awe/tasks/decisions", tag = "tasks", request_body = DecisionsIn,
    responses(
        (status = 200, description = "One result for each item, in their order", body = DecisionsOut),
        Guarded, Body,
    ),
)]
fn decide_tasks() {}

/// Reassign a task
///
/// The old task becomes `reassigned`; the answer is the new one. Role: admin.
#[utoipa::path(
    post, path = "/v1/awe/tasks/{task_id}/reassign", tag = "tasks", request_body = ReassignTaskIn,
    params(("task_id" = Uuid, Path, description = "Id of the task")),
    responses(
        (status = 200, description = "The new task", body = TaskOut),
        (status = 403, description = "AWE-008: not an admin", body = ErrorEnvelope),
        (status = 404, description = "AWE-004: no such task", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: the task is not open, or the new assignee is barred or already \
            holds a seat in the stage", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn reassign_task() {}
