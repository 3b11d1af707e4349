//! Webhook deliveries and their attempts, as operators see them.

use super::limits;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The statuses of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// An attempt is due, now or later.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// Every attempt failed, and no other is made.
    Exhausted,
}

impl DeliveryStatus {
    /// Every word, as tables and the wire have them.
    pub const WORDS: [&str; 3] = [Self::Pending.as_str(), Self::Delivered.as_str(), Self::Exhausted.as_str()];

    /// The word in tables and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Exhausted => "exhausted",
        }
    }
}

/// One event on its way to one URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryOut {
    /// Id.
    pub id: Uuid,
    /// Event.
    pub event_id: Uuid,
    /// Request.
    pub request_id: Uuid,
    /// What happened.
    #[schema(example = "request_approved")]
    pub event_type: String,
    /// Type of the artifact that the request is about.
    #[serde(default)]
    #[schema(example = "registry_change_request")]
    pub artifact_type: Option<String>,
    /// The artifact that the request is about.
    #[serde(default)]
    #[schema(example = "CR-2026-000123")]
    pub artifact_id: Option<String>,
    /// Where to.
    #[schema(example = "https://registry.example.org/hooks/approval")]
    pub url: String,
    /// `pending`, `delivered` or `exhausted`.
    #[schema(example = "pending")]
    pub status: String,
    /// Attempts made.
    #[schema(example = 1)]
    pub attempt: i32,
    /// When the next attempt is due.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:16:00Z")]
    pub next_attempt_at: OffsetDateTime,
    /// When the last attempt was made.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub last_attempt_at: Option<OffsetDateTime>,
    /// What the last attempt was answered.
    #[schema(example = 503)]
    pub last_status_code: Option<i32>,
    /// Why the last attempt failed, or why an attempt that is due waits.
    #[schema(example = "answered 503")]
    pub last_error: Option<String>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub updated_at: OffsetDateTime,
}

/// One attempt of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryAttemptOut {
    /// Id.
    pub id: Uuid,
    /// Delivery.
    pub delivery_id: Uuid,
    /// Number, from 1.
    #[schema(example = 1)]
    pub attempt: i32,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub started_at: OffsetDateTime,
    /// How long it took, in milliseconds.
    #[schema(example = 42)]
    pub latency_ms: i64,
    /// What it was answered.
    #[schema(example = 503)]
    pub status_code: Option<i32>,
    /// Why it failed.
    #[schema(example = "answered 503")]
    pub error: Option<String>,
    /// Whose fault the failure is: `receiver` (no good answer came) or `us` (it was not sent, or could not be).
    #[serde(default)]
    #[schema(example = "receiver")]
    pub failed_by: Option<String>,
    /// Head of the answer by lower-case name; values that may be secret are `[redacted]`.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"content-type": "text/plain", "set-cookie": "[redacted]"}))]
    pub response_headers: Option<serde_json::Value>,
    /// Beginning of the answer's body.
    #[schema(example = "upstream is down")]
    pub response_excerpt: Option<String>,
}

/// Which deliveries to try again. All filters must match; none = every exhausted one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryDeliveriesIn {
    /// `exhausted` (when absent) or `pending`.
    #[serde(default)]
    #[schema(example = "exhausted")]
    pub status: Option<String>,
    /// Only created at this moment or later.
    #[serde(
        default,
        serialize_with = "time::serde::rfc3339::option::serialize",
        deserialize_with = "crate::moment::deserialize_option"
    )]
    #[schema(example = "2026-01-31T00:00:00Z")]
    pub since: Option<OffsetDateTime>,
    /// Only to this URL, exactly.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 1, 2048>")]
    #[schema(min_length = 1, max_length = 2048, example = "https://registry.example.org/hooks/approval")]
    pub url: Option<String>,
    /// Only say how many it would be; nothing is tried again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(default = false)]
    pub dry_run: bool,
}

/// How many deliveries will be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequeuedOut {
    /// Their number; 0 of a dry run.
    #[schema(example = 17)]
    pub requeued: i64,
    /// Of a dry run only: how many it would be, among the first 100,000 in that status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 17)]
    pub would_requeue: Option<i64>,
    /// Of a dry run only: more are in that status than were looked at, so it may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = false)]
    pub would_requeue_is_lower_bound: Option<bool>,
}

impl RequeuedOut {
    /// What was retried.
    #[must_use]
    pub const fn of(requeued: i64) -> Self {
        Self { requeued, would_requeue: None, would_requeue_is_lower_bound: None }
    }

    /// What would be retried.
    #[must_use]
    pub const fn dry(would_requeue: i64, is_lower_bound: bool) -> Self {
        let (would_requeue, lower) = (Some(would_requeue), Some(is_lower_bound));
        Self { requeued: 0, would_requeue, would_requeue_is_lower_bound: lower }
    }
}

/// Filters of `GET /admin/deliveries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListDeliveriesQuery {
    /// Only in this status: `pending`, `delivered` or `exhausted`.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub status: Option<String>,
    /// Only of this request.
    #[serde(default)]
    pub request_id: Option<Uuid>,
    /// Only of this event type.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub event_type: Option<String>,
    /// Only to this endpoint: scheme, host and port, as in `https://registry.example.org`.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 300>")]
    #[param(max_length = 300)]
    pub endpoint: Option<String>,
    /// Only about this artifact.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub artifact_id: Option<String>,
    /// Only created at this moment (RFC 3339) or later.
    #[serde(
        default,
        serialize_with = "time::serde::rfc3339::option::serialize",
        deserialize_with = "crate::moment::deserialize_option"
    )]
    pub since: Option<OffsetDateTime>,
    /// Only created before this moment (RFC 3339).
    #[serde(
        default,
        serialize_with = "time::serde::rfc3339::option::serialize",
        deserialize_with = "crate::moment::deserialize_option"
    )]
    pub until: Option<OffsetDateTime>,
    /// At most this many: 1 to 500, 50 when absent.
    #[serde(default = "limits::limit_default", deserialize_with = "limits::limit")]
    #[param(default = 50, minimum = 1, maximum = 500)]
    pub limit: u32,
    /// `X-Next-Cursor` of the page before.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub cursor: Option<String>,
}
