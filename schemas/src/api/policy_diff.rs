//! How two versions of a policy differ.

use super::limits;
use engine::diff::Change;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// How two versions of a policy differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyDiffOut {
    /// Key of the policy.
    #[schema(example = "registry.change-request")]
    pub policy_key: String,
    /// Number of the version that is changed.
    #[schema(example = 1)]
    pub version: i32,
    /// Number of the version that it becomes.
    #[schema(example = 2)]
    pub with: i32,
    /// The policy as a whole first, then its stages in the order in which they run afterwards, then those that are
    /// gone. Empty = both versions mean the same: the order of keys and of rules, the numbers of stages and groups,
    /// and a default that is spelled out are no change.
    pub changes: Vec<PolicyChangeOut>,
}

/// One difference between two versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyChangeOut {
    /// `added`, `removed`, `changed` or `moved` (a stage runs at another place among those that stay).
    #[schema(example = "changed")]
    pub kind: String,
    /// `stage_order` of the stage, in the later version unless the stage is gone; null = the policy as a whole.
    #[schema(example = 1)]
    pub stage: Option<i32>,
    /// Name of that stage, in the same version.
    #[schema(example = "Finance")]
    pub stage_name: Option<String>,
    /// The field; null = the stage as a whole. `mode` has both `mode` and `mode_value`; of `rules` and
    /// `escalation_rules` each rule is a change of its own.
    #[schema(example = "mode")]
    pub field: Option<String>,
    /// What it was; null when there was nothing.
    #[schema(example = json!({"mode": "any-n", "mode_value": 1}))]
    pub before: Value,
    /// What it is; null when there is nothing.
    #[schema(example = json!({"mode": "any-n", "mode_value": 2}))]
    pub after: Value,
    /// One sentence for people, in English.
    #[schema(example = "Finance now needs 2 approvals instead of 1")]
    pub words: String,
}

impl From<Change> for PolicyChangeOut {
    fn from(change: Change) -> Self {
        Self {
            kind: change.kind.as_str().to_owned(),
            stage: change.stage,
            stage_name: change.stage_name,
            field: change.field.map(str::to_owned),
            before: change.before,
            after: change.after,
            words: change.words,
        }
    }
}

/// With which version to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PolicyDiffQuery {
    /// Number of the version that it becomes, from 1.
    #[serde(deserialize_with = "limits::version")]
    #[param(minimum = 1, maximum = 2_147_483_647)]
    pub with: i32,
}
