//! Decisions on tasks.

use super::limits;
use serde::{Deserialize, Serialize};
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
