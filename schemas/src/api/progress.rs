//! Why a request waits, who could move it, and what time alone will do to it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why a request waits, who could move it, and what time alone will do to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProgressOut {
    /// The request.
    pub request_id: Uuid,
    /// `pending`, `in_review`, `approved`, `rejected`, `cancelled` or `expired`.
    #[schema(example = "in_review")]
    pub status: String,
    /// Which run through the stages this is. Always 1: a request goes through its stages once.
    #[schema(example = 1, minimum = 1)]
    pub round: i32,
    /// The moment that everything is as of.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-30T10:00:00Z")]
    pub as_of: OffsetDateTime,
    /// One or two sentences for people, in English. Programs read the other fields.
    #[schema(
        example = "Waiting for 1 more approval in \"Finance\" (2 of 3 seats have not decided); at 2026-01-31T08:00Z it escalates."
    )]
    pub summary: String,
    /// Every stage of the policy, in order.
    pub stages: Vec<StageProgressOut>,
    /// What must come for the request to go on. Empty exactly when the request has ended.
    pub waiting_for: Vec<WaitingForOut>,
    /// What happens if nobody acts, the nearest first, up to the end of the request. A moment in the past is due and
    /// is acted on soon.
    pub next: Vec<UpcomingOut>,
    /// What somebody could do now; the server accepts each of these, as long as nobody else is faster.
    pub unblock: Vec<UnblockOut>,
}

/// One stage of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StageProgressOut {
    /// Stage of the policy.
    pub stage_id: Uuid,
    /// Order of that stage.
    #[schema(example = 1)]
    pub stage_order: i32,
    /// Name of that stage.
    #[schema(example = "Finance")]
    pub name: String,
    /// Adjacent stages with the same number run together.
    pub parallel_group: Option<i32>,
    /// `waiting`, `resolving`, `active`, `escalating`, `approved`, `rejected`, `skipped`, or `closed`: the request
    /// ended before this stage did.
    #[schema(example = "active")]
    pub state: String,
    /// `all`, `any-n` or `percentage`.
    #[schema(example = "any-n")]
    pub mode: String,
    /// N of `any-n`, or the percentage.
    #[schema(example = 2)]
    pub mode_value: Option<i32>,
    /// Approvals that complete the stage, as its seats have decided so far; null while it has no seats.
    #[schema(example = 2)]
    pub needed: Option<u32>,
    /// Seats that approved.
    #[schema(example = 1)]
    pub approvals: u32,
    /// Seats that rejected.
    #[schema(example = 0)]
    pub rejections: u32,
    /// Seats that abstained.
    #[schema(example = 0)]
    pub abstentions: u32,
    /// Seats, whether they have decided or not.
    #[schema(example = 3)]
    pub seats: u32,
    /// When its first tasks were made.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-30T08:00:00Z")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-30T12:00:00Z")]
    pub completed_at: Option<OffsetDateTime>,
    /// The nearest deadline of a seat that has not decided, also when it has passed.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-31T08:00:00Z")]
    pub due_at: Option<OffsetDateTime>,
    /// `approved`, `rejected`, `skipped` or `closed`; null before the stage ends.
    #[schema(example = "approved")]
    pub outcome: Option<String>,
    /// Why it ended so, as events say it: `skip_if`, `auto_approve`, `quorum_unreachable`, ...
    #[schema(example = "auto_approve")]
    pub reason: Option<String>,
    /// Every task ever made in the stage, oldest first.
    pub tasks: Vec<TaskProgressOut>,
}

/// One task of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskProgressOut {
    /// The task.
    pub task_id: Uuid,
    /// Who may decide (a subject id).
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub assignee: String,
    /// First owner, when a delegation moved the seat.
    pub delegated_from: Option<String>,
    /// Previous assignee, when reassigned.
    pub reassigned_from: Option<String>,
    /// `approver` or `observer`.
    #[schema(example = "approver")]
    pub kind: String,
    /// The stage cannot be approved without this seat's approval.
    pub required: bool,
    /// `open`, `claimed`, `completed`, `skipped`, `expired` or `reassigned`.
    #[schema(example = "open")]
    pub status: String,
    /// What was decided.
    pub decision: Option<TaskDecisionOut>,
    /// Deadline.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-31T08:00:00Z")]
    pub due_at: Option<OffsetDateTime>,
    /// Rules of the policy that named the assignee, or the owner whose seat they have. What a directory answered is
    /// not kept: where no other rule names them, these are the rules of the stage that ask a directory or service.
    pub rules: Vec<Uuid>,
}

/// The decision of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskDecisionOut {
    /// `approve`, `reject` or `abstain`.
    #[schema(example = "approve")]
    pub action: String,
    /// Who really decided.
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub actor: String,
    /// The assignee, when somebody else decided for them.
    pub on_behalf_of: Option<String>,
    /// Why, in free text. Null also where the comments of one answer would take more than 512 KiB; the events have
    /// them all.
    #[schema(example = "Documents are complete.")]
    pub comment: Option<String>,
    /// Made after the deadline.
    pub late: bool,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-30T10:00:00Z")]
    pub created_at: OffsetDateTime,
}

/// Something that must come for a request to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingForOut {
    /// `approvers`: any of the seats that have not decided. `required_approver`: people without whom the stage cannot
    /// be approved. `resolver`: the answer of a directory or service. `nobody`: approvals that no holder of a seat may
    /// give, so that only an administrator helps.
    #[schema(example = "approvers")]
    pub kind: String,
    /// Order of the stage.
    #[schema(example = 1)]
    pub stage_order: Option<i32>,
    /// Subject ids of those who can give it.
    pub who: Vec<String>,
    /// Since when.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-30T08:00:00Z")]
    pub since: Option<OffsetDateTime>,
    /// How many approvals are missing; null for a resolver.
    #[schema(example = 1)]
    pub needed: Option<u32>,
    /// Why the resolver's last attempt failed.
    #[schema(example = "the directory does not answer")]
    pub error: Option<String>,
}

/// Something that time alone causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpcomingOut {
    /// When it is due.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:00:00Z")]
    pub at: OffsetDateTime,
    /// `breach`: a deadline passes. `escalation`: a deadline passes and others are asked. `reminder`: mails go out.
    /// `expiry`: `expires_at` passes. `resolver_retry`: the directory is asked (again).
    #[schema(example = "escalation")]
    pub what: String,
    /// Order of the stage; null for `expiry`.
    #[schema(example = 1)]
    pub stage_order: Option<i32>,
    /// What follows: `notify`, `escalate`, `auto_approve`, `auto_reject`, `expire`, `retry` or `remind`.
    #[schema(example = "escalate")]
    pub effect: String,
}

/// Something that somebody could do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnblockOut {
    /// `decide`, `reassign` or `cancel`; `retry_resolver`: the resolver asks again by itself, and at once when an
    /// operator sets `resolve_after` of the request to `now()`.
    #[schema(example = "decide")]
    pub action: String,
    /// Subject ids, `AWE_ADMIN` for any administrator whom separation of duties does not bar, or `system:resolver`.
    #[schema(example = json!(["f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11", "AWE_ADMIN"]))]
    pub who: Vec<String>,
    /// Order of the stage; null for `cancel`.
    #[schema(example = 1)]
    pub stage_order: Option<i32>,
    /// The task; null for `cancel` and `retry_resolver`.
    pub task_id: Option<Uuid>,
}
