//! What can be asked of a request, and by whom.

use crate::ids::{RequestId, RuleId, TaskId};
use crate::request::Action;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use time::OffsetDateTime;

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
    /// A resolver's answer for every external rule asked for (see [`crate::request::Request::pending_rules`]).
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
