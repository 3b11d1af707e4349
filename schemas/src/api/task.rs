//! Tasks: what somebody is asked to decide.

use super::limits;
use crate::json::RawJson;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// One seat's (or observer's) work item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskOut {
    /// Id.
    pub id: Uuid,
    /// Request.
    pub request_id: Uuid,
    /// Stage of the policy.
    pub stage_id: Uuid,
    /// Order of that stage.
    #[schema(example = 1)]
    pub stage_order: i32,
    /// Who may decide (a subject id).
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub assignee: String,
    /// `approver` or `observer`.
    #[schema(example = "approver")]
    pub kind: String,
    /// First owner, when a delegation moved the seat.
    pub delegated_from: Option<String>,
    /// Previous assignee, when reassigned.
    pub reassigned_from: Option<String>,
    /// `open`, `claimed`, `completed`, `skipped`, `expired` or `reassigned`.
    #[schema(example = "open")]
    pub status: String,
    /// When it was claimed.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-31T09:00:00Z")]
    pub claimed_at: Option<OffsetDateTime>,
    /// When it left `open` and `claimed`.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-31T10:00:00Z")]
    pub completed_at: Option<OffsetDateTime>,
    /// Deadline.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-02-02T08:15:00Z")]
    pub due_at: Option<OffsetDateTime>,
    /// The decision that completed it.
    pub decision_id: Option<Uuid>,
    /// What was decided: `approve`, `reject` or `abstain`.
    #[schema(example = "approve")]
    pub decision_action: Option<String>,
    /// What was said with it.
    pub decision_comment: Option<String>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub created_at: OffsetDateTime,
    /// The request's context. Null where an answer would have to repeat more of it than it should (a large context and
    /// many tasks); the request always has it.
    #[schema(value_type = Option<Object>)]
    pub context: Option<RawJson>,
    /// The request's artifact type.
    #[schema(example = "registry_change_request")]
    pub artifact_type: Option<String>,
    /// The request's policy.
    #[schema(example = "registry.change-request")]
    pub policy_key: Option<String>,
    /// The caller's id of the thing.
    #[schema(example = "CR-2026-000123")]
    pub artifact_id: Option<String>,
    /// Who asks (a subject id).
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub requester: Option<String>,
    /// What people call the thing.
    #[schema(example = "New bank account for the Okafor household")]
    pub title: Option<String>,
    /// What it is about, in plain text.
    #[schema(example = "The account that payments go to changes from 0012 to 0047.")]
    pub summary: Option<String>,
    /// Where people look at the thing; to be shown as a link.
    #[schema(example = "https://registry.example.org/changes/CR-2026-000123")]
    pub artifact_url: Option<String>,
    /// Name of the stage.
    #[schema(example = "Finance")]
    pub stage_name: Option<String>,
    /// When a decision needs a comment: `never`, `reject` or `always`.
    #[schema(example = "reject")]
    pub comment_required: Option<String>,
    /// Status of the request: `pending`, `in_review`, `approved`, `rejected`, `cancelled` or `expired`.
    #[schema(example = "in_review")]
    pub request_status: Option<String>,
    /// Name of the assignee; null while this process has not read it from the staff directory.
    #[schema(example = "Grace Lim")]
    pub assignee_name: Option<String>,
}

/// One page of tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PagedTasksOut {
    /// Tasks of this page.
    pub items: Vec<TaskOut>,
    /// Tasks on all pages, counted up to 10,000.
    #[schema(example = 1)]
    pub total: i64,
    /// There are more tasks than `total` says.
    #[schema(example = false)]
    pub total_is_lower_bound: bool,
    /// This page, from 1.
    #[schema(example = 1)]
    pub page: i64,
    /// Tasks on a full page.
    #[schema(example = 20)]
    pub page_size: i64,
    /// Pages that hold `total` tasks; 1 when there are none. Pages beyond may be asked for if there are more.
    #[schema(example = 1)]
    pub pages: i64,
}

/// How many tasks the caller has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskStatsOut {
    /// All, counted up to 10,000: the newest.
    #[schema(example = 3)]
    pub total: i64,
    /// There are more tasks than `total` says.
    #[serde(default)]
    #[schema(example = false)]
    pub total_is_lower_bound: bool,
    /// Past their deadline.
    #[schema(example = 1)]
    pub overdue: i64,
    /// By artifact type.
    #[schema(example = json!({"registry_change_request": 3}))]
    pub by_artifact_type: BTreeMap<String, i64>,
}

/// Move a task to somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReassignTaskIn {
    /// To whom (a subject id).
    #[serde(deserialize_with = "limits::subject")]
    #[schema(min_length = 1, max_length = 200, example = "0c0f4c0e-6a1f-4a6b-8f44-2f8b0c7e9d21")]
    pub new_assignee: String,
    /// Why.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 10_000>")]
    #[schema(max_length = 10_000, example = "On leave until March.")]
    pub reason: Option<String>,
}

/// Filters of `GET /tasks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListTasksQuery {
    /// `me`, `*` (anybody) or a subject id; `me` when absent.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200, default = "me")]
    pub assignee: Option<String>,
    /// Only of this request.
    #[serde(default)]
    pub request_id: Option<Uuid>,
    /// Only in this status: `open`, `claimed`, `completed`, `skipped`, `expired`, `reassigned`, or `actionable`: still to
    /// be decided, which is open, claimed, or expired and not replaced.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub status: Option<String>,
    /// Only of this artifact type.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub artifact_type: Option<String>,
    /// Only of this policy.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub policy_key: Option<String>,
    /// Only with this text, in any case, in the title, artifact id or type, policy key, requester or context values.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub search_text: Option<String>,
    /// Only past their deadline and still to be decided (true), or only others (false).
    #[serde(default)]
    pub overdue: Option<bool>,
    /// Only due before this moment (RFC 3339).
    #[serde(
        default,
        serialize_with = "time::serde::rfc3339::option::serialize",
        deserialize_with = "crate::moment::deserialize_option"
    )]
    pub due_before: Option<OffsetDateTime>,
    /// `created`: newest first; `due`: due first, those without a deadline last. `created` when absent.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200, default = "created")]
    pub sort: Option<String>,
    /// `exact`: `total` counts up to 10,000; `none`: it counts what has been seen, which is cheaper. `exact` when absent.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200, default = "exact")]
    pub count: Option<String>,
    /// `X-Next-Cursor` of the page before, instead of `page`.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub cursor: Option<String>,
    /// Page, from 1.
    #[serde(default = "limits::page_default", deserialize_with = "limits::page")]
    #[param(default = 1, minimum = 1, maximum = 1_000_000)]
    pub page: u32,
    /// Tasks a page: 1 to 200, 20 when absent.
    #[serde(default = "limits::page_size_default", deserialize_with = "limits::page_size")]
    #[param(default = 20, minimum = 1, maximum = 200)]
    pub page_size: u32,
}

/// Filters of `GET /tasks/stats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TaskStatsQuery {
    /// Only in this status: `open`, `claimed`, `completed`, `skipped`, `expired`, `reassigned`, or `actionable`.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub status: Option<String>,
}
