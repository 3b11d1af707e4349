//! Approval requests, their creation, cancelling and history.

use super::{TaskOut, limits};
use crate::json::RawJson;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A request for approval of one artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRequestIn {
    /// Policy whose active version decides.
    #[serde(deserialize_with = "limits::text::<_, 1, 200>")]
    #[schema(min_length = 1, max_length = 200, example = "registry.change-request")]
    pub policy_key: String,
    /// What kind of thing is to be approved, on one line.
    #[serde(deserialize_with = "limits::line::<_, 1, 200>")]
    #[schema(min_length = 1, max_length = 200, example = "registry_change_request")]
    pub artifact_type: String,
    /// The caller's id of the thing, on one line.
    #[serde(deserialize_with = "limits::line::<_, 1, 200>")]
    #[schema(min_length = 1, max_length = 200, example = "CR-2026-000123")]
    pub artifact_id: String,
    // A body without words is written as it was before there were any: bodies are compared with those that are stored
    // under an idempotency key.
    /// What people call the thing, on one line; null = they see type and id.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "limits::opt_line::<_, 0, 200>"
    )]
    #[schema(max_length = 200, example = "New bank account for the Okafor household")]
    pub title: Option<String>,
    /// What it is about, in plain text, for whoever decides.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "limits::opt_text::<_, 0, 2000>"
    )]
    #[schema(max_length = 2000, example = "The account that payments go to changes from 0012 to 0047.")]
    pub summary: Option<String>,
    /// Where people look at the thing (http or https, without user name and password). It is shown as a link and never
    /// fetched.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "limits::opt_link")]
    #[schema(
        max_length = 2048,
        format = "uri",
        example = "https://registry.example.org/changes/CR-2026-000123"
    )]
    pub artifact_url: Option<String>,
    /// Facts that rules look at; frozen now. At most 256 KiB, 20,000 JSON values and 32 levels, unless configured
    /// otherwise (`requests.max_context_*`).
    #[serde(default = "limits::empty_object", deserialize_with = "limits::shared_object")]
    #[schema(value_type = Object)]
    pub context: Arc<Value>,
    /// Where webhooks go (http or https); null = nowhere.
    #[serde(default, deserialize_with = "limits::opt_url")]
    #[schema(max_length = 2048, format = "uri", example = "https://registry.example.org/hooks/approval")]
    pub callback_url: Option<String>,
    /// The secret that signs the webhooks; null = the live secrets of the calling service.
    #[serde(default)]
    pub callback_secret_id: Option<Uuid>,
    /// Event types to send; null = all that webhooks carry. `decision_recorded`, `task_claimed` and
    /// `stage_skipped` are never sent.
    #[serde(default, deserialize_with = "limits::opt_event_types")]
    #[schema(example = json!(["request_approved", "request_rejected"]))]
    pub callback_events: Option<Vec<String>>,
    /// Who asks; null = the calling subject.
    #[serde(default, deserialize_with = "limits::opt_subject")]
    #[schema(min_length = 1, max_length = 200, example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub requester: Option<String>,
    /// Past it the request becomes `expired`; null = never.
    #[serde(
        default,
        serialize_with = "time::serde::rfc3339::option::serialize",
        deserialize_with = "crate::moment::deserialize_option"
    )]
    #[schema(example = "2026-03-01T00:00:00Z")]
    pub expires_at: Option<OffsetDateTime>,
}

/// Answer of a creation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreateRequestOut {
    /// Id of the request.
    pub request_id: Uuid,
    /// `pending`, `in_review`, or at once `approved` or `rejected`.
    #[schema(example = "in_review")]
    pub status: String,
    /// Order of the first stage of the running group; 0 when none ran.
    #[schema(example = 1)]
    pub current_stage_order: i32,
    /// Tasks of the running group; empty while `pending`.
    pub tasks: Vec<TaskOut>,
}

/// An approval request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestOut {
    /// Id.
    pub id: Uuid,
    /// Policy version that it is pinned to.
    pub policy_id: Uuid,
    /// Key of that policy.
    #[schema(example = "registry.change-request")]
    pub policy_key: String,
    /// Number of that version.
    #[schema(example = 1)]
    pub policy_version: i32,
    /// What kind of thing is to be approved.
    #[schema(example = "registry_change_request")]
    pub artifact_type: String,
    /// The caller's id of the thing.
    #[schema(example = "CR-2026-000123")]
    pub artifact_id: String,
    /// What people call the thing.
    #[schema(example = "New bank account for the Okafor household")]
    pub title: Option<String>,
    /// What it is about, in plain text.
    #[schema(example = "The account that payments go to changes from 0012 to 0047.")]
    pub summary: Option<String>,
    /// Where people look at the thing; to be shown as a link.
    #[schema(example = "https://registry.example.org/changes/CR-2026-000123")]
    pub artifact_url: Option<String>,
    /// Subject that created the request.
    #[schema(example = "service-account-registry")]
    pub source_service: String,
    /// Who asks.
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub requester: Option<String>,
    /// Facts that rules look at, as given at creation.
    #[schema(value_type = Object)]
    pub context: RawJson,
    /// `pending`, `in_review`, `approved`, `rejected`, `cancelled` or `expired`.
    #[schema(example = "in_review")]
    pub status: String,
    /// Order of the first stage of the running group; the last one when terminal; 0 when none ran.
    #[schema(example = 1)]
    pub current_stage_order: i32,
    /// Where webhooks go.
    #[schema(example = "https://registry.example.org/hooks/approval")]
    pub callback_url: Option<String>,
    /// Event types to send; null = all that webhooks carry.
    #[schema(example = json!(["request_approved", "request_rejected"]))]
    pub callback_events: Option<Vec<String>>,
    /// Past it the request becomes `expired`.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-03-01T00:00:00Z")]
    pub expires_at: Option<OffsetDateTime>,
    /// When it became terminal.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-02-01T10:00:00Z")]
    pub completed_at: Option<OffsetDateTime>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub updated_at: OffsetDateTime,
}

/// Stop a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// Why.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 10_000>")]
    #[schema(max_length = 10_000, example = "The household withdrew its application.")]
    pub reason: Option<String>,
    /// Accepted for old callers and ignored: the actor is the token's subject.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[schema(max_length = 200)]
    pub actor: Option<String>,
}

/// One event of a request's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventOut {
    /// Id: the same on the bus and in webhooks.
    pub id: Uuid,
    /// Request.
    pub request_id: Uuid,
    /// Place in the request's history: from 1, without gaps.
    #[schema(example = 1)]
    pub sequence: i64,
    /// What happened.
    #[schema(example = "request_created")]
    pub event_type: String,
    /// Who caused it: a subject id, or a `system` name.
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub actor: String,
    /// Why, where there is a why.
    #[schema(example = "no_approvers_resolved")]
    pub reason: Option<String>,
    /// More facts, by type; repeats actor and reason.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub created_at: OffsetDateTime,
}

/// Which part of `GET /requests/{id}/events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListEventsQuery {
    /// Only after this sequence: `X-Next-Cursor` of the part before, of a history that is longer than one answer.
    #[serde(default, deserialize_with = "limits::sequence")]
    #[param(default = 0, minimum = 0)]
    pub after: i64,
}

/// Filters of `GET /requests`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListRequestsQuery {
    /// Only of this artifact type.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub artifact_type: Option<String>,
    /// Only of this artifact.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub artifact_id: Option<String>,
    /// Only in this status: `pending`, `in_review`, `approved`, `rejected`, `cancelled` or `expired`.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub status: Option<String>,
    /// Only of this policy.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub policy_key: Option<String>,
    /// Only of this requester.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub requester: Option<String>,
    /// Only created by this caller (a subject id).
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub source_service: Option<String>,
    /// Only with a task that this person (a subject id) may still decide.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub assignee: Option<String>,
    /// Only with this text, in any case, in the title, artifact id or type, policy key, requester or context values.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub search_text: Option<String>,
    /// Only created at this moment (RFC 3339) or later.
    #[serde(
        default,
        serialize_with = "time::serde::rfc3339::option::serialize",
        deserialize_with = "crate::moment::deserialize_option"
    )]
    pub created_since: Option<OffsetDateTime>,
    /// Only created before this moment (RFC 3339).
    #[serde(
        default,
        serialize_with = "time::serde::rfc3339::option::serialize",
        deserialize_with = "crate::moment::deserialize_option"
    )]
    pub created_until: Option<OffsetDateTime>,
    /// Only changed at this moment (RFC 3339) or later.
    #[serde(
        default,
        serialize_with = "time::serde::rfc3339::option::serialize",
        deserialize_with = "crate::moment::deserialize_option"
    )]
    pub updated_since: Option<OffsetDateTime>,
    /// Only with a task that is past its deadline and still to be decided (true), or only others (false).
    #[serde(default)]
    pub overdue: Option<bool>,
    /// At most this many: 1 to 500, 50 when absent.
    #[serde(default = "limits::limit_default", deserialize_with = "limits::limit")]
    #[param(default = 50, minimum = 1, maximum = 500)]
    pub limit: u32,
    /// `X-Next-Cursor` of the page before.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub cursor: Option<String>,
}
