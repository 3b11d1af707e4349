//! Everything that is known of one request, for auditors.

use super::{AuditActionOut, PolicyOut};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Everything that is known of one request, as of one moment. Rows are as they are stored, column by column; values in
/// the queries of URLs are replaced by `[redacted]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceOut {
    /// The moment that everything is as of.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub as_of: OffsetDateTime,
    /// The request, with its context and the progress of its stages.
    #[schema(value_type = Object)]
    pub request: Value,
    /// The version that the request is judged by; `text_sha256` is what was noted at its activation.
    pub policy: PolicyOut,
    /// The canonical text of that version as it is stored now (`docs/audit.md`).
    pub policy_text: String,
    /// SHA-256 of `policy_text`. Another value than `policy.text_sha256`: the text was changed since.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub policy_text_sha256: String,
    /// Who holds a seat: the tasks of approvers that count.
    #[schema(value_type = Vec<Object>)]
    pub seats: Vec<Value>,
    /// Every task, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub tasks: Vec<Value>,
    /// Every decision, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub decisions: Vec<Value>,
    /// The history, by sequence.
    #[schema(value_type = Vec<Object>)]
    pub events: Vec<Value>,
    /// Webhooks by sequence, each with its `attempts`.
    #[schema(value_type = Vec<Object>)]
    pub deliveries: Vec<Value>,
    /// Administrative actions on the request, its tasks, its webhooks and its policy version, oldest first.
    pub audit: Vec<AuditActionOut>,
}
