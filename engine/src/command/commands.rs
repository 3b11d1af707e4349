//! The commands, and who gives them.

use crate::ids::{RequestId, RuleId, TaskId};
use crate::request::Action;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use time::OffsetDateTime;

/// The person or service that gives a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Token subject, or a `system:` name.
    pub subject: String,
    /// Whether they hold the role `AWE_ADMIN`.
    pub admin: bool,
}

/// What a request is created from.
#[derive(Debug, Clone, PartialEq)]
pub struct Create {
    pub id: RequestId,
    /// The person for whom approval is asked (a subject id).
    pub requester: String,
    /// The subject that called the API.
    pub source_service: String,
    /// The facts that rules look at.
    pub context: Arc<Value>,
    /// SHA-256 of the context as canonical JSON, in hexadecimal, for the request's first event.
    pub context_sha256: String,
    /// Whether that event carries the context itself too.
    pub context_told: bool,
    /// The request expires at this moment; `None` = never.
    pub expires_at: Option<OffsetDateTime>,
    /// SHA-256 of the policy version's canonical text, in hexadecimal, for the request's first event.
    pub policy_sha256: Option<String>,
}

/// A command on a request that exists.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Decide a task. Allowed to its assignee, and to an admin on their behalf.
    Decide {
        caller: Caller,
        task_id: TaskId,
        action: Action,
        comment: Option<String>,
        /// Reference to attachments kept elsewhere.
        attachments_ref: Option<String>,
        /// Digest of what was looked at, as whoever decided tells it.
        artifact_digest: Option<String>,
    },
    /// Claim a task: say that one works on it. Allowed to its assignee and to an admin.
    Claim { caller: Caller, task_id: TaskId },
    /// Cancel the request. Allowed to an admin and to the subject that created it.
    Cancel { caller: Caller, reason: Option<String> },
    /// Move a task to somebody else. Allowed to an admin.
    Reassign { caller: Caller, task_id: TaskId, new_assignee: String, reason: Option<String> },
    /// Take a resolver's answer for every external rule in [`crate::request::Request::pending_rules`].
    Resolved {
        /// Users by rule, in the order of the answer.
        answers: BTreeMap<RuleId, Vec<String>>,
    },
    /// Note that a resolver could not answer. It will try again.
    ResolutionFailed {
        /// Why, in words for the request's history.
        reason: String,
    },
    /// Act on deadlines: expire every open task whose `due_at` has passed.
    Breach,
    /// End the request if its `expires_at` has passed.
    Expire,
}

impl Command {
    /// A decision that names neither attachments nor what was looked at.
    #[must_use]
    pub const fn decide(caller: Caller, task_id: TaskId, action: Action, comment: Option<String>) -> Self {
        Self::Decide { caller, task_id, action, comment, attachments_ref: None, artifact_digest: None }
    }

    /// What it is called in traces.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Decide { .. } => "decide",
            Self::Claim { .. } => "claim",
            Self::Cancel { .. } => "cancel",
            Self::Reassign { .. } => "reassign",
            Self::Resolved { .. } => "resolved",
            Self::ResolutionFailed { .. } => "resolution_failed",
            Self::Breach => "breach",
            Self::Expire => "expire",
        }
    }
}
