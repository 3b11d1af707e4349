//! The audit trail of administrative actions.

use super::limits;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// One administrative action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditActionOut {
    /// Id.
    pub id: Uuid,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub occurred_at: OffsetDateTime,
    /// Who (a subject id).
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub actor: String,
    /// Their e-mail, for showing only.
    #[schema(example = "amina@example.org")]
    pub actor_email: Option<String>,
    /// What was done.
    #[schema(example = "policy.activate")]
    pub action: String,
    /// To what kind of thing: `policy`, `request`, `task`, `delegation`, `delivery`, `callback_secret` or `system_config`.
    #[schema(example = "policy")]
    pub resource_type: String,
    /// To which one: its id, `key:version` of a policy.
    #[schema(example = "registry.change-request:2")]
    pub resource_id: String,
    /// In words.
    #[schema(example = "activated registry.change-request version 2")]
    pub summary: Option<String>,
    /// The thing before.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// The thing after.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// More facts.
    #[schema(value_type = Option<Object>)]
    pub metadata_: Option<Value>,
}

/// Filters of `GET /admin/audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListAuditQuery {
    /// Only by this subject.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub actor: Option<String>,
    /// Only this action.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub action: Option<String>,
    /// Only on this kind of thing.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub resource_type: Option<String>,
    /// Only on this thing.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub resource_id: Option<String>,
    /// Only at this moment (RFC 3339) or later.
    #[serde(
        default,
        serialize_with = "time::serde::rfc3339::option::serialize",
        deserialize_with = "crate::moment::deserialize_option"
    )]
    pub since: Option<OffsetDateTime>,
    /// Only before this moment (RFC 3339).
    #[serde(
        default,
        serialize_with = "time::serde::rfc3339::option::serialize",
        deserialize_with = "crate::moment::deserialize_option"
    )]
    pub until: Option<OffsetDateTime>,
    /// Only with this text, in any case, in the actor, e-mail, action, resource or summary.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub search_text: Option<String>,
    /// At most this many: 1 to 500, 50 when absent.
    #[serde(default = "limits::limit_default", deserialize_with = "limits::limit")]
    #[param(default = 50, minimum = 1, maximum = 500)]
    pub limit: u32,
    /// `X-Next-Cursor` of the page before.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub cursor: Option<String>,
}
