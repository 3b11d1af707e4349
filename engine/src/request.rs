//! One approval request: the state that commands change.
//!
//! ```text
//! request   pending ──► in_review ──► approved | rejected | cancelled | expired
//! stage     waiting ──► resolving ──► active ──► approved | rejected | skipped
//! task      open ──► claimed ──► completed | skipped | expired | reassigned
//! ```

use crate::ids::{DecisionId, EventId, PolicyId, RequestId, RuleId, StageId, TaskId};
use crate::policy::{Kind, Policy, Rule, Stage};
use crate::words::names;
use serde_json::Value;
use std::sync::Arc;
use time::OffsetDateTime;

/// The aggregate: everything a decision depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Id.
    pub id: RequestId,
    /// The policy version it started with, for good.
    pub policy_id: PolicyId,
    /// Life cycle state.
    pub status: RequestStatus,
    /// Order of the first stage of the running group; the last one when terminal; 0 when none ever ran.
    pub current_stage_order: i32,
    /// Who asks (a subject id).
    pub requester: String,
    /// Subject that created the request over the API.
    pub source_service: String,
    /// Frozen at creation.
    pub context: Arc<Value>,
    /// Past it the request expires.
    pub expires_at: Option<OffsetDateTime>,
    /// Creation time.
    pub created_at: OffsetDateTime,
    /// When it became terminal.
    pub completed_at: Option<OffsetDateTime>,
    /// Sequence of the last event; 0 before the first.
    pub last_sequence: i64,
    /// One entry per policy stage, in order.
    pub stages: Vec<StageRun>,
    /// All tasks ever made, oldest first.
    pub tasks: Vec<Task>,
    /// All decisions ever made, oldest first.
    pub decisions: Vec<Decision>,
}

/// Life cycle of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestStatus {
    /// Created, the first group is not resolved yet.
    Pending,
    /// Tasks are out.
    InReview,
    /// Terminal.
    Approved,
    /// Terminal.
    Rejected,
    /// Terminal.
    Cancelled,
    /// Terminal: `expires_at` passed.
    Expired,
}

/// Where a stage stands.
#[derive(Debug, Clone, PartialEq)]
pub struct StageRun {
    /// Stage of the policy.
    pub stage_id: StageId,
    /// Its order.
    pub order: i32,
    /// State.
    pub state: StageState,
    /// The escalation of this stage has been done or has failed: nothing more will be added.
    pub escalated: bool,
}

/// State of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StageState {
    /// Its group has not been reached.
    Waiting,
    /// A resolver is asked for its approvers.
    Resolving,
    /// Tasks are out.
    Active,
    /// Its deadline passed; a resolver is asked for the escalation approvers.
    Escalating,
    /// Final.
    Approved,
    /// Final.
    Rejected,
    /// Final.
    Skipped,
    /// Final: the request ended while this stage was not finished.
    Closed,
}

/// One seat's (or observer's) work item.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Id.
    pub id: TaskId,
    /// Stage.
    pub stage_id: StageId,
    /// Its order.
    pub stage_order: i32,
    /// Who may decide.
    pub assignee: String,
    /// Approver or observer.
    pub kind: Kind,
    /// The stage cannot be approved without this seat's approval.
    pub required: bool,
    /// False once the seat left the stage (escalated away or reassigned).
    pub seated: bool,
    /// First owner, when a delegation moved the seat.
    pub delegated_from: Option<String>,
    /// Previous assignee, when reassigned.
    pub reassigned_from: Option<String>,
    /// State.
    pub status: TaskStatus,
    /// Deadline.
    pub due_at: Option<OffsetDateTime>,
    /// Creation time.
    pub created_at: OffsetDateTime,
    /// When claimed.
    pub claimed_at: Option<OffsetDateTime>,
    /// Who claimed it; `None` also for what was claimed before this was kept.
    pub claimed_by: Option<String>,
    /// When it left open/claimed.
    pub completed_at: Option<OffsetDateTime>,
    /// The decision that completed it.
    pub decision_id: Option<DecisionId>,
}

/// State of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskStatus {
    /// May be decided.
    Open,
    /// May be decided; somebody said they are on it.
    Claimed,
    /// Decided.
    Completed,
    /// Not needed any more.
    Skipped,
    /// Deadline passed; may still be decided while its seat counts.
    Expired,
    /// Moved to another task.
    Reassigned,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Yes.
    Approve,
    /// No.
    Reject,
    /// Neither.
    Abstain,
}

/// A recorded decision: one per task, for good.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Id.
    pub id: DecisionId,
    /// Task it answers.
    pub task_id: TaskId,
    /// Stage order of the task.
    pub stage_order: i32,
    /// Who really decided.
    pub actor: String,
    /// The assignee, when somebody else decided for them.
    pub on_behalf_of: Option<String>,
    /// What.
    pub action: Action,
    /// Free text.
    pub comment: Option<String>,
    /// Reference to attachments kept elsewhere.
    pub attachments_ref: Option<String>,
    /// Made after the deadline.
    pub late: bool,
    /// When.
    pub created_at: OffsetDateTime,
}

/// One event of a request's history; `docs/events.md` explains each type.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Id.
    pub id: EventId,
    /// From 1, without gaps, per request.
    pub sequence: i64,
    /// Type.
    pub event_type: EventType,
    /// Request status after the whole transition that this event belongs to, at this event.
    pub status: RequestStatus,
    /// Stage it is about.
    pub stage_order: Option<i32>,
    /// Who caused it: a subject id, or `system`, `system:sla`, `system:resolver`.
    pub actor: String,
    /// Why, where there is a why.
    pub reason: Option<String>,
    /// More facts, by type; actor and reason are added on the way out.
    pub payload: serde_json::Map<String, Value>,
    /// When.
    pub occurred_at: OffsetDateTime,
}

names!(RequestStatus {
    Pending = "pending", InReview = "in_review", Approved = "approved",
    Rejected = "rejected", Cancelled = "cancelled", Expired = "expired",
});
names!(StageState {
    Waiting = "waiting", Resolving = "resolving", Active = "active", Escalating = "escalating",
    Approved = "approved", Rejected = "rejected", Skipped = "skipped", Closed = "closed",
});
names!(TaskStatus {
    Open = "open", Claimed = "claimed", Completed = "completed",
    Skipped = "skipped", Expired = "expired", Reassigned = "reassigned",
});
names!(Action { Approve = "approve", Reject = "reject", Abstain = "abstain" });

/// Type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    RequestCreated,
    StageStarted,
    StageCompleted,
    StageSkipped,
    StageResolutionFailed,
    StageEscalated,
    StageEscalationFailed,
    TaskExpired,
    TaskReassigned,
    TaskClaimed,
    DecisionRecorded,
    RequestApproved,
    RequestRejected,
    RequestCancelled,
    RequestExpired,
}

names!(EventType {
    RequestCreated = "request_created",
    StageStarted = "stage_started",
    StageCompleted = "stage_completed",
    StageSkipped = "stage_skipped",
    StageResolutionFailed = "stage_resolution_failed",
    StageEscalated = "stage_escalated",
    StageEscalationFailed = "stage_escalation_failed",
    TaskExpired = "task_expired",
    TaskReassigned = "task_reassigned",
    TaskClaimed = "task_claimed",
    DecisionRecorded = "decision_recorded",
    RequestApproved = "request_approved",
    RequestRejected = "request_rejected",
    RequestCancelled = "request_cancelled",
    RequestExpired = "request_expired",
});

impl RequestStatus {
    /// Nothing changes any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::InReview)
    }
}

impl TaskStatus {
    /// Waiting for somebody, before its deadline.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Claimed)
    }
}

impl StageState {
    /// Nothing changes any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Approved | Self::Rejected | Self::Skipped | Self::Closed)
    }
}

impl Request {
    /// External rules whose answer is awaited, in policy order; empty when nothing is.
    #[must_use]
    pub fn pending_rules(&self, policy: &Policy) -> Vec<RuleId> {
        let asked = |(run, stage)| -> &[Rule] {
            let (run, stage): (&StageRun, &Stage) = (run, stage);
            match run.state {
                StageState::Resolving => &stage.rules,
                StageState::Escalating => &stage.escalation_rules,
                _ => &[],
            }
        };
        let rules = self.stages.iter().zip(&policy.stages).flat_map(asked);
        rules.filter(|rule| rule.source.is_external()).map(|rule| rule.id).collect()
    }

    /// The nearest deadline of an open task: when to send the next breach. `expires_at` is not part of it.
    #[must_use]
    pub fn next_due(&self) -> Option<OffsetDateTime> {
        self.tasks.iter().filter(|task| task.status.is_open()).filter_map(|task| task.due_at).min()
    }
}
