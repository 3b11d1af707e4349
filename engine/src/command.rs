//! The commands of a request, and what each does.
//!
//! [`apply`] is the whole engine: `(state, command, environment, ids) -> transition or refusal`. It reads no clock,
//! draws no randomness and does no IO, so the same arguments always give the same transition.

pub(crate) mod actor;
mod advance;
mod breach;
mod cancel;
mod claim;
mod commands;
mod create;
mod decide;
mod environment;
mod expire;
pub(crate) mod payload;
pub mod reason;
mod reassign;
mod refusal;
mod resolve;
pub(crate) mod seating;
pub(crate) mod seats;
pub(crate) mod sod;
mod transition;
mod work;

pub use commands::{Caller, Command, Create};
pub use create::create;
pub use environment::Environment;
pub use refusal::{Barred, Clash, Refusal};
pub use transition::{Changes, Transition};

use crate::ids::IdSource;
use crate::policy::{Policy, Stage};
use crate::request::{Request, StageRun};
use work::{NewDecision, Work};

/// Applies a command to a request and returns the transition to be committed.
///
/// # Errors
/// The command is refused and nothing has changed. [`Refusal::WrongPolicy`] if `env` holds another policy version
/// than the request keeps.
pub fn apply(
    env: &Environment<'_>,
    state: &Request,
    command: Command,
    ids: &mut dyn IdSource,
) -> Result<Transition, Refusal> {
    must_fit(env.policy, state)?;
    let actor = actor_of(&command).to_owned();
    let mut w = Work::new(env, state.clone(), &actor, ids);
    match command {
        Command::Decide { caller, task_id, action, comment, attachments_ref, artifact_digest } => {
            let new = NewDecision { action, comment, attachments_ref, artifact_digest, late: false };
            decide::decide(&mut w, &caller, task_id, new)?;
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

/// Refuses another policy version than the one that the request keeps.
pub(crate) fn must_fit(policy: &Policy, state: &Request) -> Result<(), Refusal> {
    let fits = |(run, stage): (&StageRun, &Stage)| run.stage_id == stage.id;
    let fitting = policy.id == state.policy_id
        && policy.stages.len() == state.stages.len()
        && state.stages.iter().zip(&policy.stages).all(fits);
    if fitting { Ok(()) } else { Err(Refusal::WrongPolicy(state.policy_id)) }
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
