//! Why a command is refused.

use crate::ids::{PolicyId, TaskId};

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
