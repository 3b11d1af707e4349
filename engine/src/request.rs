//! An approval request: the state that commands change. The front page of this crate shows the life cycles.

use crate::ids::{DecisionId, EventId, PolicyId, RequestId, RuleId, StageId, TaskId};
use crate::policy::{Kind, Policy, Rule, Stage};
use crate::words::names;
use serde_json::Value;
use std::sync::Arc;
use time::OffsetDateTime;

/// The aggregate: everything a decision depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub id: RequestId,
    /// The policy version that the request began with, which never changes.
    pub policy_id: PolicyId,
    pub status: RequestStatus,
    /// Order of the first stage of the running group; of the last such stage when terminal; 0 when none ever ran.
    pub current_stage_order: i32,
    /// The person for whom approval is asked (a subject id).
    pub requester: String,
    /// The subject that created the request over the API.
    pub source_service: String,
    /// The facts that rules look at, frozen at creation.
    pub context: Arc<Value>,
    /// The request expires at this moment; `None` = never.
    pub expires_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    /// When the request ended.
    pub completed_at: Option<OffsetDateTime>,
    /// Sequence of the last event; 0 before the first.
    pub last_sequence: i64,
    /// One entry for each stage of the policy, in the same order.
    pub stages: Vec<StageRun>,
    /// All tasks ever made, oldest first.
    pub tasks: Vec<Task>,
    /// All decisions ever made, oldest first.
    pub decisions: Vec<Decision>,
}

/// Life cycle of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestStatus {
    /// Created; no group has tasks yet.
    Pending,
    /// Tasks wait for decisions.
    InReview,
    Approved,
    Rejected,
    Cancelled,
    /// `expires_at` has passed.
    Expired,
}

/// The state of one stage of the policy in this request.
#[derive(Debug, Clone, PartialEq)]
pub struct StageRun {
    pub stage_id: StageId,
    pub order: i32,
    pub state: StageState,
    /// The escalation was done or has failed, so it adds nobody any more.
    pub escalated: bool,
}

/// Life cycle of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StageState {
    /// Its group has not started.
    Waiting,
    /// A resolver is asked for its approvers.
    Resolving,
    /// Its tasks wait for decisions.
    Active,
    /// Its deadline passed, and a resolver is asked for the escalation approvers.
    Escalating,
    Approved,
    Rejected,
    Skipped,
    /// The request ended before this stage did.
    Closed,
}

/// What one approver or observer is asked to do in one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub id: TaskId,
    pub stage_id: StageId,
    pub stage_order: i32,
    /// The only one who may decide it, admins aside (a subject id).
    pub assignee: String,
    pub kind: Kind,
    /// The stage cannot be approved without this seat's approval.
    pub required: bool,
    /// False once the seat has left the stage: escalated away or reassigned.
    pub seated: bool,
    /// The owner of the seat, when a delegation moved it.
    pub delegated_from: Option<String>,
    /// The assignee of the task that this one replaced.
    pub reassigned_from: Option<String>,
    pub status: TaskStatus,
    /// The deadline; `None` = none.
    pub due_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    pub claimed_at: Option<OffsetDateTime>,
    /// Who claimed it; `None` also for claims made before this was stored.
    pub claimed_by: Option<String>,
    /// When it stopped being open or claimed.
    pub completed_at: Option<OffsetDateTime>,
    pub decision_id: Option<DecisionId>,
}

/// Life cycle of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskStatus {
    /// Waits for a decision.
    Open,
    /// Waits for a decision, and somebody said that they work on it.
    Claimed,
    Completed,
    /// No longer needed.
    Skipped,
    /// The deadline passed. It may still be decided while it is seated.
    Expired,
    /// Replaced by another task.
    Reassigned,
}

/// What a decision says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Approve,
    Reject,
    Abstain,
}

/// A recorded decision: at most one for each task, for good.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub id: DecisionId,
    pub task_id: TaskId,
    pub stage_order: i32,
    /// Who really decided (a subject id, or `system:sla`).
    pub actor: String,
    /// The assignee, when somebody else decided for them.
    pub on_behalf_of: Option<String>,
    pub action: Action,
    pub comment: Option<String>,
    /// Reference to attachments kept elsewhere.
    pub attachments_ref: Option<String>,
    /// Digest of what was looked at, as whoever decided told it; nothing compares it.
    pub artifact_digest: Option<String>,
    /// Made after the task's deadline.
    pub late: bool,
    pub created_at: OffsetDateTime,
}

/// One event of a request's history; `docs/events.md` explains each type.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: EventId,
    /// Place in the request's history: from 1, without gaps.
    pub sequence: i64,
    pub event_type: EventType,
    /// Status of the request right after this event.
    pub status: RequestStatus,
    /// Order of the stage that the event is about.
    pub stage_order: Option<i32>,
    /// Who caused it: a subject id, or `system`, `system:sla`, `system:resolver`.
    pub actor: String,
    /// A word of [`crate::command::reason`], or what somebody gave as reason.
    pub reason: Option<String>,
    /// More facts, by event type. Actor and reason are added to them when the event is published.
    pub payload: serde_json::Map<String, Value>,
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

/// The type of an event. `docs/events.md` explains each.
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
    /// Returns whether the request has ended. Nothing changes it any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::InReview)
    }
}

impl TaskStatus {
    /// Returns whether the task waits for a decision and has not expired.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Claimed)
    }
}

impl StageState {
    /// Returns whether the stage has ended. Nothing changes it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Approved | Self::Rejected | Self::Skipped | Self::Closed)
    }
}

impl Request {
    /// The external rules whose answer is awaited, in the order of the policy.
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

    /// The nearest deadline of an open task, at which the next [`crate::command::Command::Breach`] is due.
    /// `expires_at` is not part of it.
    #[must_use]
    pub fn next_due(&self) -> Option<OffsetDateTime> {
        self.tasks.iter().filter(|task| task.status.is_open()).filter_map(|task| task.due_at).min()
    }
}
