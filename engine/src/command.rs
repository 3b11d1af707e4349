//! What can be asked of a request, and what comes of it.
//!
//! [`apply`] is the whole engine: `(state, command, context, ids) -> transition or refusal`. It reads no clock,
//! draws no randomness and does no IO, so the same arguments always give the same transition.

pub(crate) mod actor;
mod advance;
mod breach;
mod cancel;
mod claim;
mod create;
mod decide;
mod environment;
mod expire;
pub mod reason;
mod reassign;
mod refusal;
mod resolve;
pub(crate) mod seating;
mod seats;
pub(crate) mod sod;
pub(crate) mod told;
mod transition;
mod work;

pub use create::create;
pub use environment::Environment;
pub use refusal::{Barred, Clash, Refusal};
pub use transition::{Changes, Transition};

use crate::ids::{IdSource, RequestId, RuleId, TaskId};
use crate::policy::Stage;
use crate::request::{Action, Request, StageRun};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use time::OffsetDateTime;
use work::{Said, Work};

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
    /// A resolver's answer for every external rule asked for (see [`Request::pending_rules`]).
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

/// Takes a command to what comes of it.
///
/// # Errors
/// The command is refused; nothing changed.
pub fn apply(
    env: &Environment<'_>,
    state: &Request,
    command: Command,
    ids: &mut dyn IdSource,
) -> Result<Transition, Refusal> {
    let fits = |(run, stage): (&StageRun, &Stage)| run.stage_id == stage.id;
    let stages = &env.policy.stages;
    if env.policy.id != state.policy_id
        || stages.len() != state.stages.len()
        || !state.stages.iter().zip(stages).all(fits)
    {
        return Err(Refusal::WrongPolicy(state.policy_id));
    }
    let actor = actor_of(&command).to_owned();
    let mut w = Work::new(env, state.clone(), &actor, ids);
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
        Command::Resolved { .. } | Command::ResolutionFailed { .. } => actor::RESOLVER,
        Command::Breach => actor::SLA,
        Command::Expire => actor::SYSTEM,
    }
}
