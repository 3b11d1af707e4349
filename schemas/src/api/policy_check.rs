//! What is wrong with a policy, and what its author should look at.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is wrong with a policy, and what its author should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyCheckOut {
    /// A write would not refuse what the policy says: there is no error.
    #[schema(example = false)]
    pub valid: bool,
    /// Every error is listed. False when there are more than one answer lists (1,000, or 100 values that cannot be
    /// read), or when what can be read of the policy is too little to go on: mend what is listed and check again.
    #[schema(example = true)]
    pub complete: bool,
    /// Every error or, when there is none, every piece of advice.
    pub problems: Vec<PolicyProblemOut>,
}

/// One error of a policy, or one piece of advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyProblemOut {
    /// `error`: a write is refused. `advice`: legal, and probably not meant.
    pub severity: Severity,
    /// `stage_order` of the stage; null = the policy as a whole, or a stage whose order cannot be read.
    #[schema(example = 2)]
    pub stage: Option<i32>,
    /// The field, from the stage on; null = the stage or policy as a whole.
    #[schema(example = "mode")]
    pub field: Option<String>,
    /// JSON Pointer (RFC 6901) from the body to the value, which may be absent; empty = the body itself.
    #[schema(example = "/stages/1/mode")]
    pub pointer: String,
    /// What is wrong.
    #[schema(example = "unknown mode `quorm`: all, any-n, quorum or percentage")]
    pub message: String,
    /// What was probably meant, where that can be told.
    #[schema(example = "did you mean `quorum`?")]
    pub hint: Option<String>,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A write is refused.
    Error,
    /// Legal, and probably not meant.
    Advice,
}
