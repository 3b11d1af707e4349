//! What can be asked of a request, and what comes of it.
//!
//! [`apply`] is the whole engine: `(state, command, context, ids) -> transition or refusal`. It reads no clock,
//! draws no randomness and does no IO, so the same arguments always give the same transition.

mod advance;
mod breach;
mod cancel;
mod claim;
mod create;
mod decide;
mod expire;
pub mod reason;
mod reassign;
mod resolve;
pub(crate) mod seating;
mod seats;
pub(crate) mod sod;
pub(crate) mod told;
mod work;

pub use create::create;

use crate::delegation::{Delegations, LookedAt};
use crate::ids::{IdSource, PolicyId, RequestId, RuleId, TaskId};
use crate::policy::{Policy, Stage};
use crate::request::{Action, Decision, Event, Request, StageRun, Task};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use time::OffsetDateTime;
use work::{Said, Work};

/// What a command is judged against, besides the request itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The version that the request is pinned to.
    pub policy: &'a Policy,
    /// Delegations known now.
    pub delegations: &'a Delegations,
    /// The time.
    pub now: OffsetDateTime,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Token subject, or a `system:` name.
    pub subject: String,
    /// Holds `AWE_ADMIN`.
    pub admin: bool,
}

/// A new request.
#[derive(Debug, Clone, PartialEq)]
pub struct Create {
    /// Its id.
    pub id: RequestId,
    /// Who asks for approval.
    pub requester: String,
    /// Subject that calls the API.
    pub source_service: String,
    /// Facts that rules look at.
    pub context: Arc<Value>,
    /// SHA-256 of the context as canonical JSON, in hexadecimal, for the request's first event.
    pub context_sha256: String,
    /// The first event tells the context itself too.
    pub context_told: bool,
    /// Past it the request expires.
    pub expires_at: Option<OffsetDateTime>,
    /// What the text of the policy version hashes to, for the history.
    pub policy_sha256: Option<String>,
}

/// A command on a request that exists.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Decide a task: its assignee, or an admin on their behalf.
    Decide {
        /// Who.
        caller: Caller,
        /// Which.
        task_id: TaskId,
        /// What.
        action: Action,
        /// Free text.
        comment: Option<String>,
        /// Reference.
        attachments_ref: Option<String>,
    },
    /// Say that one is on it: its assignee, or an admin.
    Claim {
        /// Who.
        caller: Caller,
        /// Which.
        task_id: TaskId,
    },
    /// Stop the request: an admin, or the subject that created it.
    Cancel {
        /// Who.
        caller: Caller,
        /// Why.
        reason: Option<String>,
    },
    /// Move a task to somebody else: an admin.
    Reassign {
        /// Who.
        caller: Caller,
        /// Which.
        task_id: TaskId,
        /// To whom.
        new_assignee: String,
        /// Why.
        reason: Option<String>,
    },
    /// A resolver's answer for every external rule asked for (see [`Effect::Resolve`]).
    Resolved {
        /// Users by rule, order kept.
        answers: BTreeMap<RuleId, Vec<String>>,
    },
    /// A resolver could not answer; it will try again.
    ResolutionFailed {
        /// Why, in words fit for the timeline.
        reason: String,
    },
    /// Look at the deadlines: breaches every stage with an open task whose `due_at` has passed.
    Breach,
    /// `expires_at` may have passed.
    Expire,
}

/// What a command did. `request` is the whole new state.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// State after, shared with whoever keeps it for the next command.
    pub request: Arc<Request>,
    /// New events, in sequence. Empty = nothing changed and nothing must be written.
    pub events: Vec<Event>,
    /// What must happen outside, once this is committed.
    pub effects: Vec<Effect>,
    /// The decision made, for [`Command::Decide`].
    pub decision: Option<Decision>,
    /// The task that the command was about, or the new one for [`Command::Reassign`].
    pub task_id: Option<TaskId>,
    /// Whom it looked at, whether that changed anything or not.
    pub looked_at: LookedAt,
}

/// Something outside the engine that a committed transition calls for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask the directory about these rules, then send [`Command::Resolved`] or [`Command::ResolutionFailed`].
    Resolve {
        /// External rules of the stages that are resolving or escalating.
        rules: Vec<RuleId>,
    },
}

/// Why a command was refused. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such task on this request.
    #[error("task {0} does not exist on this request")]
    UnknownTask(TaskId),
    /// The caller may not do this.
    #[error("{1}")]
    Forbidden(Barred, String),
    /// The state does not allow it (any more).
    #[error("{1}")]
    Conflict(Clash, String),
    /// A field of the command says too little.
    #[error("{field}: {message}")]
    Invalid {
        /// The field, as named on the wire.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The context names another policy version than the one the request is pinned to.
    #[error("request is pinned to policy version {0}, another was given")]
    WrongPolicy(PolicyId),
}

/// Why the caller may not do something, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// Only an admin may.
    Role,
    /// It belongs to somebody else.
    Owner,
    /// The policy bars this person from deciding.
    Duties,
}

/// What in the state does not allow a command, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// The request is terminal.
    RequestFinished,
    /// The stage is finished, or has not started.
    StageFinished,
    /// The task has its decision.
    TaskDecided,
    /// The task is skipped, reassigned or escalated.
    TaskClosed,
    /// Somebody else has claimed the task.
    Claimed,
    /// Whoever decides has approved in this stage already.
    HasApproved,
    /// The new assignee holds a seat already.
    Seated,
    /// The new assignee may not hold the seat.
    Unfit,
}

/// What differs between two states of one request: what a store must write.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes<'a> {
    /// Tasks that are new.
    pub new_tasks: Vec<&'a Task>,
    /// Tasks that existed and differ.
    pub changed_tasks: Vec<&'a Task>,
    /// Decisions that are new.
    pub new_decisions: Vec<&'a Decision>,
}

impl<'a> Changes<'a> {
    /// Compares. Tasks and decisions are only ever appended, never removed or reordered.
    #[must_use]
    pub fn between(before: Option<&Request>, after: &'a Request) -> Self {
        let (tasks, decisions) = before.map_or((&[][..], 0), |b| (&b.tasks[..], b.decisions.len()));
        Self {
            new_tasks: after.tasks[tasks.len()..].iter().collect(),
            changed_tasks: after.tasks.iter().zip(tasks).filter(|(a, b)| a != b).map(|(a, _)| a).collect(),
            new_decisions: after.decisions[decisions..].iter().collect(),
        }
    }
}

/// Takes a command to what comes of it.
///
/// # Errors
/// The command is refused; nothing changed.
pub fn apply(
    cx: &Context<'_>,
    state: &Request,
    command: Command,
    ids: &mut dyn IdSource,
) -> Result<Transition, Refusal> {
    let fits = |(run, stage): (&StageRun, &Stage)| run.stage_id == stage.id;
    let stages = &cx.policy.stages;
    if cx.policy.id != state.policy_id
        || stages.len() != state.stages.len()
        || !state.stages.iter().zip(stages).all(fits)
    {
        return Err(Refusal::WrongPolicy(state.policy_id));
    }
    let actor = actor_of(&command).to_owned();
    let mut w = Work::new(cx, state.clone(), &actor, ids);
    match command {
        Command::Decide { caller, task_id, action, comment, attachments_ref } => {
            let said = Said { action, comment, attachments_ref, late: false };
            decide::decide(&mut w, &caller, task_id, said)?;
        }
        Command::Claim { caller, task_id } => claim::claim(&mut w, &caller, task_id)?,
        Command::Cancel { caller, reason } => cancel::cancel(&mut w, &caller, reason.as_deref())?,
        Command::Reassign { caller, task_id, new_assignee, reason } => {
            reassign::reassign(&mut w, &caller, task_id, &new_assignee, reason.as_deref())?;
        }
        Command::Resolved { answers } => resolve::resolved(&mut w, &answers),
        Command::ResolutionFailed { reason } => resolve::failed(&mut w, &reason),
        Command::Breach => breach::breach(&mut w),
        Command::Expire => expire::expire(&mut w),
    }
    Ok(w.finish())
}

fn actor_of(command: &Command) -> &str {
    match command {
        Command::Decide { caller, .. }
        | Command::Claim { caller, .. }
        | Command::Cancel { caller, .. }
        | Command::Reassign { caller, .. } => &caller.subject,
        Command::Resolved { .. } | Command::ResolutionFailed { .. } => work::RESOLVER,
        Command::Breach => work::SLA,
        Command::Expire => work::SYSTEM,
    }
}
