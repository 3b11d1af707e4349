//! What an answer about progress consists of. Texts are borrowed from the policy and the request.

use crate::ids::{RuleId, StageId, TaskId};
use crate::policy::Mode;
use crate::request::{Decision, StageState, Task};
use crate::words::names;
use time::OffsetDateTime;

/// The role that stands among people where any administrator will do.
pub const ADMIN: &str = "AWE_ADMIN";

/// Why a request waits, who could move it, and what time alone will do.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress<'a> {
    /// One or two sentences in plain English. Programs read the other fields.
    pub summary: String,
    /// Every stage of the policy, in order.
    pub stages: Vec<StageProgress<'a>>,
    /// What must come for the request to go on. Empty exactly when the request has ended.
    pub waiting_for: Vec<WaitingFor<'a>>,
    /// What happens if nobody acts, the nearest first, up to the end of the request. A moment in the past is due and
    /// has not been acted on yet.
    pub next: Vec<Upcoming>,
    /// What somebody could do now. The engine accepts each of these.
    pub unblock: Vec<Unblock<'a>>,
}

/// One stage, with the count of its seats.
#[derive(Debug, Clone, PartialEq)]
pub struct StageProgress<'a> {
    pub stage_id: StageId,
    pub order: i32,
    pub name: &'a str,
    pub parallel_group: Option<i32>,
    pub state: StageState,
    pub mode: Mode,
    /// Approvals that complete the stage, as its seats have decided so far; `None` while it has no seats.
    pub needed: Option<u32>,
    pub approvals: u32,
    pub rejections: u32,
    pub abstentions: u32,
    /// Who may give one vote each, whether they have or not.
    pub seats: u32,
    /// When its first tasks were made.
    pub started_at: Option<OffsetDateTime>,
    pub completed_at: Option<OffsetDateTime>,
    /// The nearest deadline of a seat that has not decided, also when it has passed.
    pub due_at: Option<OffsetDateTime>,
    /// How it ended; `None` before that.
    pub outcome: Option<StageState>,
    /// A word of [`crate::command::reason`] about the outcome, where there is one.
    pub reason: Option<&'a str>,
    /// Every task ever made in the stage, oldest first.
    pub tasks: Vec<TaskProgress<'a>>,
}

/// One task, with its decision and with the rules that named its holder.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskProgress<'a> {
    pub task: &'a Task,
    pub decision: Option<&'a Decision>,
    /// The rules that named the holder, or the owner whose seat the holder has. What a directory answered is not kept:
    /// where no other rule names them, these are the rules of the stage that ask a directory or service.
    pub rules: Vec<RuleId>,
}

/// Something that must come for the request to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingFor<'a> {
    pub kind: WaitKind,
    /// `None` only when no stage runs, which the rules never lead to.
    pub stage_order: Option<i32>,
    /// Subject ids of those who can give it; empty for a resolver and for nobody.
    pub who: Vec<&'a str>,
    /// When the waiting began.
    pub since: Option<OffsetDateTime>,
    /// How many approvals are missing; `None` for a resolver.
    pub needed: Option<u32>,
    /// Why the resolver's last attempt failed.
    pub error: Option<&'a str>,
}

/// Whom or what a stage waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitKind {
    /// Any of the seats that have not decided.
    Approvers,
    /// Somebody without whom the stage cannot be approved.
    RequiredApprover,
    /// The answer of a directory or service.
    Resolver,
    /// Approvals that no holder of a seat may give, so that only an administrator helps.
    Nobody,
}

/// Something that time alone causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upcoming {
    /// When it is due.
    pub at: OffsetDateTime,
    pub what: UpcomingKind,
    /// `None` when it is about the whole request.
    pub stage_order: Option<i32>,
    /// What follows: a word of [`crate::policy::OnBreach`], or `expire`, `retry` or `remind`.
    pub effect: &'static str,
}

/// The kinds of what time alone causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UpcomingKind {
    /// A deadline passes.
    Breach,
    /// A deadline passes, and the escalation approvers are added.
    Escalation,
    /// `expires_at` passes.
    Expiry,
    /// The resolver asks again.
    ResolverRetry,
    /// People with open tasks are reminded by mail.
    Reminder,
}

/// Something that somebody could do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unblock<'a> {
    pub action: UnblockAction,
    /// Subject ids, [`ADMIN`] for any administrator, or `system:resolver`.
    pub who: Vec<&'a str>,
    /// `None` when it is about the whole request.
    pub stage_order: Option<i32>,
    /// The task that it is about; `None` for `cancel` and `retry_resolver`.
    pub task_id: Option<TaskId>,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnblockAction {
    /// Decide the task.
    Decide,
    /// Move the task to somebody else.
    Reassign,
    /// End the request.
    Cancel,
    /// Ask the directory again, as the resolver does by itself.
    RetryResolver,
}

names!(WaitKind {
    Approvers = "approvers", RequiredApprover = "required_approver", Resolver = "resolver", Nobody = "nobody",
});
names!(UpcomingKind {
    Breach = "breach", Escalation = "escalation", Expiry = "expiry", ResolverRetry = "resolver_retry",
    Reminder = "reminder",
});
names!(UnblockAction {
    Decide = "decide", Reassign = "reassign", Cancel = "cancel", RetryResolver = "retry_resolver",
});
