//! Policies: who must agree, and simulating them.

use super::limits;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

fn mode() -> String {
    "all".to_owned()
}

fn reject_mode() -> String {
    "veto".to_owned()
}

fn on_empty() -> String {
    "block".to_owned()
}

fn comment_required() -> String {
    "never".to_owned()
}

fn kind() -> String {
    "approver".to_owned()
}

/// A rule that names approvers or observers of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproverRuleIn {
    /// `user`, `role`, `group`, `expression` or `http`; another word is refused with 400 AWE-010.
    #[schema(example = "role")]
    pub rule_type: String,
    /// By type: `{user_id}`, `{role, client?}`, `{group: "/path"}`, `{logic}`, `{url, auth?}`.
    #[serde(deserialize_with = "limits::object_value")]
    #[schema(value_type = Object)]
    pub rule_value: Value,
    /// `approver` (holds a seat) or `observer` (sees and comments, never counts, never blocks).
    #[serde(default = "kind")]
    #[schema(default = "approver", example = "approver")]
    pub kind: String,
    /// Every user that the rule resolves must approve, on top of the mode.
    #[serde(default)]
    #[schema(default = false)]
    pub required: bool,
}

/// A rule of a stored stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApproverRuleOut {
    /// Id of the rule.
    pub id: Uuid,
    /// `user`, `role`, `group`, `expression` or `http`.
    #[schema(example = "role")]
    pub rule_type: String,
    /// By type: `{user_id}`, `{role, client?}`, `{group: "/path"}`, `{logic}`, `{url, auth?}`.
    #[schema(value_type = Object)]
    pub rule_value: Value,
    /// `approver` or `observer`.
    #[schema(example = "approver")]
    pub kind: String,
    /// Every user that the rule resolves must approve, on top of the mode.
    pub required: bool,
}

/// One stage of a policy: a group of people who are asked together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StageIn {
    /// Shown to people.
    #[serde(deserialize_with = "limits::text::<_, 1, 200>")]
    #[schema(min_length = 1, max_length = 200, example = "District officer")]
    pub name: String,
    /// Order of activation: at least 1, unique in the policy.
    #[schema(example = 1)]
    pub stage_order: i32,
    /// How many approvals complete the stage: `all`, `any-n`, `quorum` (the same as `any-n`) or `percentage`;
    /// another word is refused with 400 AWE-010.
    #[serde(default = "mode")]
    #[schema(default = "all", example = "any-n")]
    pub mode: String,
    /// N of `any-n` and `quorum` (at least 1), P of `percentage` (1 to 100); none with `all`.
    #[serde(default)]
    #[schema(example = 2)]
    pub mode_value: Option<i64>,
    /// What one reject does: `veto` (ends the stage) or `unreachable` (only when approval is out of reach).
    #[serde(default = "reject_mode")]
    #[schema(default = "veto", example = "veto")]
    pub reject_mode: String,
    /// Hours from activation to the deadline, at least 1; null = no deadline.
    #[serde(default)]
    #[schema(example = 48)]
    pub sla_hours: Option<i32>,
    /// `JSONLogic` over the request's context: when truthy, the stage is skipped.
    #[serde(default, deserialize_with = "limits::opt_object_value")]
    #[schema(value_type = Option<Object>)]
    pub skip_if: Option<Value>,
    /// When nobody is resolved: `block` (reject the request) or `skip` (the stage).
    #[serde(default = "on_empty")]
    #[schema(default = "block", example = "block")]
    pub on_empty: String,
    /// Which decisions must say why in `comment`: `never`, `reject` or `always`. White space says nothing.
    #[serde(default = "comment_required")]
    #[schema(default = "never", example = "reject")]
    pub comment_required: String,
    /// Adjacent stages with the same number run together.
    #[serde(default)]
    #[schema(example = 1)]
    pub parallel_group: Option<i32>,
    /// When the deadline passes: `notify`, `escalate`, `auto_approve` or `auto_reject`. Only with `sla_hours`;
    /// null counts as `notify`.
    #[serde(default)]
    #[schema(example = "notify")]
    pub on_breach: Option<String>,
    /// Who is added with `on_breach` `escalate`.
    #[serde(default, deserialize_with = "limits::list::<_, _, { limits::MOST_RULES }>")]
    #[schema(max_items = 200)]
    pub escalation_rules: Vec<ApproverRuleIn>,
    /// Who is asked; at least one approver rule.
    #[serde(default, deserialize_with = "limits::list::<_, _, { limits::MOST_RULES }>")]
    #[schema(max_items = 200)]
    pub rules: Vec<ApproverRuleIn>,
}

/// A stored stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StageOut {
    /// Id of the stage.
    pub id: Uuid,
    /// Shown to people.
    #[schema(example = "District officer")]
    pub name: String,
    /// Order of activation.
    #[schema(example = 1)]
    pub stage_order: i32,
    /// `all`, `any-n`, `quorum` or `percentage`, as written.
    #[schema(example = "any-n")]
    pub mode: String,
    /// N or P of the mode.
    #[schema(example = 2)]
    pub mode_value: Option<i64>,
    /// `veto` or `unreachable`.
    #[schema(example = "veto")]
    pub reject_mode: String,
    /// Hours from activation to the deadline; null = no deadline.
    #[schema(example = 48)]
    pub sla_hours: Option<i32>,
    /// `JSONLogic` over the request's context: when truthy, the stage is skipped.
    #[schema(value_type = Option<Object>)]
    pub skip_if: Option<Value>,
    /// `block` or `skip`.
    #[schema(example = "block")]
    pub on_empty: String,
    /// Which decisions must say why in `comment`: `never`, `reject` or `always`.
    #[serde(default = "comment_required")]
    #[schema(default = "never", example = "reject")]
    pub comment_required: String,
    /// Adjacent stages with the same number run together.
    #[schema(example = 1)]
    pub parallel_group: Option<i32>,
    /// `notify`, `escalate`, `auto_approve`, `auto_reject`; null when the stage was written without.
    #[schema(example = "notify")]
    pub on_breach: Option<String>,
    /// Who is added with `on_breach` `escalate`.
    pub escalation_rules: Vec<ApproverRuleOut>,
    /// Who is asked.
    pub rules: Vec<ApproverRuleOut>,
}

/// A policy to create, or a new version of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyCreate {
    /// The key that callers name.
    #[serde(deserialize_with = "limits::policy_key")]
    #[schema(min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
    #[schema(example = "registry.change-request")]
    pub policy_key: String,
    /// Shown to people.
    #[serde(deserialize_with = "limits::text::<_, 1, 200>")]
    #[schema(min_length = 1, max_length = 200, example = "Registry change requests")]
    pub name: String,
    /// What kind of thing is approved.
    #[serde(deserialize_with = "limits::text::<_, 1, 200>")]
    #[schema(min_length = 1, max_length = 200, example = "registry_change_request")]
    pub artifact_type: String,
    /// Shown to people.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 10_000>")]
    #[schema(max_length = 10_000, example = "Changes of household data need two district officers.")]
    pub description: Option<String>,
    /// The requester holds no seat.
    #[serde(default)]
    #[schema(default = false)]
    pub forbid_self_approval: bool,
    /// Whoever approved an earlier stage holds no seat later.
    #[serde(default)]
    #[schema(default = false)]
    pub forbid_repeat_approvers: bool,
    /// JSON Schema (draft 2020-12 unless `$schema` says otherwise) that the context of a request must keep; null =
    /// any object. A create whose context does not keep it is refused with 422. A `$ref` leads inside the schema:
    /// nothing is fetched. Patterns have no look-around.
    #[serde(default, deserialize_with = "limits::opt_value")]
    #[schema(value_type = Option<Object>)]
    pub context_schema: Option<Value>,
    /// Stages; none = requests are approved at once.
    #[serde(default, deserialize_with = "limits::list::<_, _, { limits::MOST_STAGES }>")]
    #[schema(max_items = 100)]
    pub stages: Vec<StageIn>,
}

/// One version of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyOut {
    /// Id of this version.
    pub id: Uuid,
    /// The key that callers name.
    #[schema(example = "registry.change-request")]
    pub policy_key: String,
    /// Version number, from 1.
    #[schema(example = 1)]
    pub version: i32,
    /// Shown to people.
    #[schema(example = "Registry change requests")]
    pub name: String,
    /// Shown to people.
    pub description: Option<String>,
    /// `draft` (may be edited), `active` (new requests use it) or `archived`.
    #[schema(example = "draft")]
    pub status: String,
    /// What kind of thing is approved.
    #[schema(example = "registry_change_request")]
    pub artifact_type: String,
    /// The requester holds no seat.
    pub forbid_self_approval: bool,
    /// Whoever approved an earlier stage holds no seat later.
    pub forbid_repeat_approvers: bool,
    /// JSON Schema that the context of a request must keep.
    #[schema(value_type = Option<Object>)]
    pub context_schema: Option<Value>,
    /// SHA-256 of the canonical text, as it was when the version was first activated; a draft has none.
    #[serde(default)]
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub text_sha256: Option<String>,
    /// Subject that wrote it.
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub created_by: Option<String>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub updated_at: OffsetDateTime,
    /// Stages, by order.
    pub stages: Vec<StageOut>,
}

/// One line of a policy's version list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyVersionOut {
    /// Id of this version.
    pub id: Uuid,
    /// The key that callers name.
    #[schema(example = "registry.change-request")]
    pub policy_key: String,
    /// Version number, from 1.
    #[schema(example = 1)]
    pub version: i32,
    /// `draft`, `active` or `archived`.
    #[schema(example = "active")]
    pub status: String,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub created_at: OffsetDateTime,
}

/// A case to try a policy on. Nothing is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateRequest {
    /// Facts that rules look at.
    #[serde(default = "limits::empty_object", deserialize_with = "limits::shared_object")]
    #[schema(value_type = Object)]
    pub context: Arc<Value>,
    /// Who would ask; null = the caller.
    #[serde(default, deserialize_with = "limits::opt_subject")]
    #[schema(min_length = 1, max_length = 200, example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub requester: Option<String>,
}

impl Default for SimulateRequest {
    fn default() -> Self {
        Self { context: limits::empty_object(), requester: None }
    }
}

/// What one stage would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SimulateStageOut {
    /// Order of activation.
    #[schema(example = 1)]
    pub stage_order: i32,
    /// Shown to people.
    #[schema(example = "District officer")]
    pub name: String,
    /// `all`, `any-n`, `quorum` or `percentage`.
    #[schema(example = "any-n")]
    pub mode: String,
    /// N or P of the mode.
    #[schema(example = 2)]
    pub mode_value: Option<i64>,
    /// Which decisions must say why in `comment`: `never`, `reject` or `always`.
    #[serde(default = "comment_required")]
    #[schema(default = "never", example = "reject")]
    pub comment_required: String,
    /// User ids that would hold a seat, in order.
    #[schema(example = json!(["f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11"]))]
    pub resolved_approvers: Vec<String>,
    /// User ids that would observe, in order.
    #[schema(example = json!([]))]
    pub resolved_observers: Vec<String>,
    /// The stage would be skipped.
    pub skipped: bool,
    /// Why it would be skipped.
    #[schema(example = "skip_if")]
    pub skip_reason: Option<String>,
    /// Users named by a rule or a delegation whom the staff directory does not know, or knows as disabled: they would
    /// not sit, except where their approval is `required`.
    #[serde(default)]
    #[schema(example = json!([]))]
    pub unknown_users: Vec<String>,
    /// What went wrong while people were looked for: rules that failed, ids that can be nobody's.
    #[serde(default)]
    #[schema(example = json!([]))]
    pub resolution_errors: Vec<String>,
}

/// What a policy version would do with a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SimulateResponse {
    /// Id of the version.
    pub policy_id: Uuid,
    /// Version number.
    #[schema(example = 1)]
    pub policy_version: i32,
    /// Stages, by order.
    pub stages: Vec<SimulateStageOut>,
}
