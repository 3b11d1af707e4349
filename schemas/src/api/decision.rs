//! Decisions on tasks.

use super::{ErrorDetail, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A decision to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionIn {
    /// `approve`, `reject` or `abstain`; another word is refused with 422.
    #[serde(deserialize_with = "limits::action")]
    #[schema(example = "approve")]
    pub action: String,
    /// Why, in free text. A stage may demand it (`comment_required`): then a decision without is refused with 422.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 10_000>")]
    #[schema(max_length = 10_000, example = "Documents are complete.")]
    pub comment: Option<String>,
    /// Reference to attachments kept elsewhere.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 2048>")]
    #[schema(max_length = 2048, example = "dms:8841")]
    pub attachments_ref: Option<String>,
    /// Digest of the artifact that was looked at, such as `sha256:` and hexadecimal digits. It is kept as evidence; AWE never looks
    /// at the artifact, and compares nothing.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[schema(
        max_length = 200,
        example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    pub artifact_digest: Option<String>,
}

/// Several decisions at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionsIn {
    /// The decisions, 1 to 100. Each is read and carried out by itself: what is wrong with one is told in its result.
    #[serde(deserialize_with = "limits::some::<_, _, 100>")]
    #[schema(value_type = Vec<DecisionItemIn>, min_items = 1, max_items = 100)]
    pub items: Vec<Value>,
}

/// One of several decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionItemIn {
    /// Which task it decides.
    pub task_id: Uuid,
    /// `approve`, `reject` or `abstain`.
    #[serde(deserialize_with = "limits::action")]
    #[schema(example = "approve")]
    pub action: String,
    /// Why, in free text.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 10_000>")]
    #[schema(max_length = 10_000, example = "Documents are complete.")]
    pub comment: Option<String>,
    /// Reference to attachments kept elsewhere.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 2048>")]
    #[schema(max_length = 2048, example = "dms:8841")]
    pub attachments_ref: Option<String>,
    /// Digest of the artifact that was looked at, such as `sha256:` and hexadecimal digits. It is kept as evidence; AWE never looks
    /// at the artifact, and compares nothing.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[schema(
        max_length = 200,
        example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    pub artifact_digest: Option<String>,
}

/// What became of several decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionsOut {
    /// One result for each item, in the order of the items.
    pub results: Vec<DecisionResultOut>,
}

/// What became of one of several decisions: `decision`, or else `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionResultOut {
    /// The task; null when the item names none.
    pub task_id: Option<Uuid>,
    /// The status that the decision would have been answered with alone: 201, or that of the error.
    #[schema(example = 201)]
    pub status: i32,
    /// The recorded decision.
    pub decision: Option<DecisionOut>,
    /// Why nothing was recorded.
    pub error: Option<ErrorDetail>,
}

/// A recorded decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionOut {
    /// Id.
    pub id: Uuid,
    /// Request.
    pub request_id: Uuid,
    /// Task that it completed.
    pub task_id: Uuid,
    /// Order of the task's stage.
    #[schema(example = 1)]
    pub stage_order: i32,
    /// Who really decided.
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub actor: String,
    /// `approve`, `reject` or `abstain`.
    #[schema(example = "approve")]
    pub action: String,
    /// Why, in free text.
    #[schema(example = "Documents are complete.")]
    pub comment: Option<String>,
    /// Reference to attachments kept elsewhere.
    #[schema(example = "dms:8841")]
    pub attachments_ref: Option<String>,
    /// Digest of the artifact that was looked at, as whoever decided told it.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub artifact_digest: Option<String>,
    /// Made after the deadline.
    pub late: bool,
    /// The assignee, when an administrator decided for them.
    pub on_behalf_of: Option<String>,
    /// First owner of the seat, when a delegation moved it: the assignee decided for them.
    pub delegated_from: Option<String>,
    /// Previous assignee, when the task was reassigned.
    pub reassigned_from: Option<String>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T10:00:00Z")]
    pub created_at: OffsetDateTime,
}
