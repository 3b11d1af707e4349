//! Why a command is refused.

use crate::ids::{PolicyId, TaskId};

/// Why a command was refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request has no such task.
    #[error("task {0} does not exist on this request")]
    UnknownTask(TaskId),
    /// The caller may not do this. The text is for people.
    #[error("{1}")]
    Forbidden(Barred, String),
    /// The state does not allow the command (any more). The text is for people.
    #[error("{1}")]
    Conflict(Clash, String),
    /// A field of the command lacks what the policy demands, such as a comment.
    #[error("{field}: {message}")]
    Invalid {
        /// The field, as named on the wire.
        field: &'static str,
        message: String,
    },
    /// The environment holds another policy version than the one that the request keeps, which is named here.
    #[error("request is pinned to policy version {0}, another was given")]
    WrongPolicy(PolicyId),
}

/// Why the caller may not do something, as a value for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// Only an admin may do it.
    Role,
    /// The task or request belongs to somebody else.
    Owner,
    /// Separation of duties bars the caller from deciding.
    Duties,
}

/// What in the state conflicts with a command, as a value for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// The request has ended.
    RequestFinished,
    /// The stage is finished, or has not started.
    StageFinished,
    /// The task is decided.
    TaskDecided,
    /// The task is skipped, reassigned or escalated away.
    TaskClosed,
    /// Somebody else has claimed the task.
    Claimed,
    /// The person has approved in this stage already, and a stage counts one approval of each person.
    HasApproved,
    /// The new assignee has a task in this stage already.
    Seated,
    /// The new assignee may not hold the seat: the id is no subject id, or separation of duties bars them.
    Unfit,
}
