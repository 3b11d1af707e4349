//! Callback secrets: what webhooks are signed with. A secret is shown once, and never in a log: the types that
//! carry one do not print it.

use super::limits;
use serde::{Deserialize, Serialize};
use std::fmt;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A secret to create.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallbackSecretCreate {
    /// Subject whose webhooks it signs.
    #[serde(deserialize_with = "limits::text::<_, 1, 200>")]
    #[schema(min_length = 1, max_length = 200, example = "service-account-registry")]
    pub caller_service: String,
    /// At least 24 bytes, as text or as `whsec_` and their base64; null = 32 random bytes.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 1024>")]
    #[schema(max_length = 1024, write_only)]
    pub secret: Option<String>,
    /// Name of a configured credential (`credentials.<name>`): with it AWE makes itself known to the endpoints that the
    /// webhooks go to. Null = by the signature alone.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 1, 200>")]
    #[schema(min_length = 1, max_length = 200, example = "registry-hooks")]
    pub credential: Option<String>,
    /// OAuth client ids whose tokens (by `azp`) may name this secret as `callback_secret_id`, besides its owner; `*` =
    /// any token. Null = nobody else.
    #[serde(default, deserialize_with = "limits::opt_client_ids")]
    #[schema(max_items = 100, example = json!(["registry-ui"]))]
    pub clients: Option<Vec<String>>,
}

impl fmt::Debug for CallbackSecretCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackSecretCreate")
            .field("caller_service", &self.caller_service)
            .field("credential", &self.credential)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}

/// What to change of a secret: one of these, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallbackSecretUpdate {
    /// Name of a configured credential (`credentials.<name>`), or null for none. Absent = as it is.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "limits::given_opt_text::<_, 1, 200>"
    )]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, example = "registry-hooks")]
    pub credential: Option<Option<String>>,
    /// OAuth client ids whose tokens may name this secret; `*` = any token. Absent or null = as they are.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "limits::opt_client_ids")]
    #[schema(max_items = 100, example = json!(["registry-ui"]))]
    pub clients: Option<Vec<String>>,
}

/// How to rotate a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallbackSecretRotate {
    /// Hours that the old secret goes on signing beside the new one: 0 to 168.
    #[serde(default = "limits::grace_hours_default", deserialize_with = "limits::grace_hours")]
    #[schema(default = 24, minimum = 0, maximum = 168, example = 24)]
    pub grace_hours: u32,
}

impl Default for CallbackSecretRotate {
    fn default() -> Self {
        Self { grace_hours: limits::GRACE_HOURS_DEFAULT }
    }
}

/// A secret, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallbackSecretOut {
    /// Id.
    pub id: Uuid,
    /// Subject whose webhooks it signs.
    #[schema(example = "service-account-registry")]
    pub caller_service: String,
    /// `active`, `rotated` (signs until `expires_at`) or `revoked`.
    #[schema(example = "active")]
    pub status: String,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub created_at: OffsetDateTime,
    /// When it stops signing.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-02-01T08:15:00Z")]
    pub expires_at: Option<OffsetDateTime>,
    /// Name of the credential that the webhooks are sent with.
    #[serde(default)]
    #[schema(example = "registry-hooks")]
    pub credential: Option<String>,
    /// OAuth client ids whose tokens may name this secret; `*` = any token.
    #[serde(default)]
    #[schema(example = json!(["registry-ui"]))]
    pub clients: Vec<String>,
}

/// A new secret, with the secret: the only time that it is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallbackSecretCreatedOut {
    /// Id.
    pub id: Uuid,
    /// Subject whose webhooks it signs.
    #[schema(example = "service-account-registry")]
    pub caller_service: String,
    /// `active`.
    #[schema(example = "active")]
    pub status: String,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub created_at: OffsetDateTime,
    /// When it stops signing.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// Name of the credential that the webhooks are sent with.
    #[serde(default)]
    #[schema(example = "registry-hooks")]
    pub credential: Option<String>,
    /// OAuth client ids whose tokens may name this secret; `*` = any token.
    #[serde(default)]
    #[schema(example = json!(["registry-ui"]))]
    pub clients: Vec<String>,
    /// `whsec_` and base64. Keep it: it is not shown again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: String,
}

impl fmt::Debug for CallbackSecretCreatedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackSecretCreatedOut")
            .field("id", &self.id)
            .field("caller_service", &self.caller_service)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Where to send a test event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallbackPingIn {
    /// Where to: http or https, under the same guard as every callback URL.
    #[serde(deserialize_with = "limits::text::<_, 1, 2048>")]
    #[schema(min_length = 1, max_length = 2048, example = "https://registry.example.org/hooks/approval")]
    pub url: String,
}

impl CallbackPingOut {
    /// What is known of a test event before its outcome is noted.
    #[must_use]
    pub fn unknown(event_id: Uuid) -> Self {
        let error = "it is not known what the event was answered: the outcome has not been noted".to_owned();
        Self {
            event_id,
            delivered: false,
            status_code: None,
            latency_ms: 0,
            error: Some(error),
            failed_by: Some("us".to_owned()),
            response_excerpt: None,
        }
    }
}

/// What came of a test event. It is sent once, and is no delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallbackPingOut {
    /// Id of the event, which the receiver has seen as `webhook-id` and `X-Approval-Event-Id`.
    pub event_id: Uuid,
    /// Whether it was answered 2xx in time.
    #[schema(example = true)]
    pub delivered: bool,
    /// What it was answered.
    #[schema(example = 204)]
    pub status_code: Option<i32>,
    /// How long that took, in milliseconds.
    #[schema(example = 42)]
    pub latency_ms: i64,
    /// Why it failed.
    #[schema(example = "answered 401")]
    pub error: Option<String>,
    /// Whose fault that is: `receiver` or `us`.
    #[schema(example = "receiver")]
    pub failed_by: Option<String>,
    /// Beginning of the answer's body.
    #[schema(example = "unknown signature")]
    pub response_excerpt: Option<String>,
}
