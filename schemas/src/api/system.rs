//! Health, version and configuration: open to everybody, enveloped.

use super::ErrorDetail;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

/// Whether the service is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthPayload {
    /// `UP` with status 200.
    #[schema(example = "UP")]
    pub status: String,
}

/// What is running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionPayload {
    /// Version of the service.
    #[schema(example = "0.1.0")]
    pub service_version: String,
    /// When it was built.
    #[schema(example = "2026-01-31T08:00:00Z")]
    pub build_time: String,
    /// From which commit.
    #[schema(example = "3f6d6c1b2a10")]
    pub git_commit: String,
}

/// Answer of `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthResponse {
    /// Which service answers.
    #[schema(example = "openg2p.awe")]
    pub id: String,
    /// Version of the envelope.
    #[schema(example = "1.0")]
    pub version: String,
    /// When it answered.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub responsetime: OffsetDateTime,
    /// The answer.
    pub response: HealthPayload,
    /// Empty.
    pub errors: Vec<ErrorDetail>,
}

/// Answer of `GET /version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionResponse {
    /// Which service answers.
    #[schema(example = "openg2p.awe")]
    pub id: String,
    /// Version of the envelope.
    #[schema(example = "1.0")]
    pub version: String,
    /// When it answered.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub responsetime: OffsetDateTime,
    /// The answer.
    pub response: VersionPayload,
    /// Empty.
    pub errors: Vec<ErrorDetail>,
}

/// The caller, as their token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeOut {
    /// Subject id: what `assignee`, `requester` and `actor` say of them.
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub subject: String,
    /// Name, if the token has one.
    #[schema(example = "Grace Lim")]
    pub name: Option<String>,
    /// Mail address, if the token has one.
    #[schema(example = "grace.lim@example.org")]
    pub email: Option<String>,
    /// The roles that count, as the token names them.
    #[schema(example = json!(["AWE_ADMIN"]))]
    pub roles: Vec<String>,
    /// They may read everything.
    #[schema(example = true)]
    pub is_viewer: bool,
    /// They may change things.
    #[schema(example = true)]
    pub is_admin: bool,
}

/// Answer of `GET /config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConfigResponse {
    /// Which service answers.
    #[schema(example = "openg2p.awe")]
    pub id: String,
    /// Version of the envelope.
    #[schema(example = "1.0")]
    pub version: String,
    /// When it answered.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub responsetime: OffsetDateTime,
    /// What a client needs to know, nothing secret.
    #[schema(value_type = Object)]
    pub response: Value,
    /// Empty.
    pub errors: Vec<ErrorDetail>,
}

/// What a process logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLevel {
    /// Levels, the default first and then by part of the program, as `AWE_LOG` has them. At most 1,000 characters.
    #[schema(example = "info,awe=debug,actors=debug", min_length = 1, max_length = 1000)]
    pub filter: String,
}

/// Answer of `GET /admin/system-config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SystemConfigOut {
    /// Groups of settings, in order.
    pub groups: Vec<SystemConfigGroup>,
    /// How many groups.
    #[schema(example = 18)]
    pub total_groups: u32,
    /// Whether the service runs in development mode.
    pub is_local_dev: bool,
}

/// How to export the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportSystemConfigQuery {
    /// `env` (a shell's variables), `json` or `yaml` (a configuration file), or `tfvars` (Terraform).
    #[serde(default = "env")]
    #[param(default = "env", example = "yaml")]
    pub format: String,
    /// With the secrets in clear text, and URLs with their user, password and query; never with master keys.
    #[serde(default)]
    #[param(default = false)]
    pub include_sensitive: bool,
    /// Must be true too where `include_sensitive` is.
    #[serde(default)]
    #[param(default = false)]
    pub confirm_sensitive_export: bool,
}

fn env() -> String {
    "env".to_owned()
}

/// Settings of one concern.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SystemConfigGroup {
    /// Id.
    #[schema(example = "registration-gate")]
    pub id: String,
    /// For people.
    #[schema(example = "Registration Gate (Admission Control)")]
    pub title: String,
    /// Position, from 1.
    #[schema(example = 18)]
    pub order: u32,
    /// The settings.
    pub fields: Vec<SystemConfigField>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SystemConfigField {
    /// Name.
    #[schema(example = "registration_gate_timeout_seconds")]
    pub key: String,
    /// For people.
    #[schema(example = "Timeout (s)")]
    pub label: String,
    /// As shown: the value, `(not set)`, or `********` for a secret.
    #[schema(example = "5")]
    pub value: String,
    /// The value itself; null when it is not set or a secret.
    #[schema(example = 5)]
    pub raw_value: Value,
    /// It is a secret.
    pub is_masked: bool,
    /// What the number counts.
    #[schema(example = "seconds")]
    pub unit: Option<String>,
}

/// How a part does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartStatus {
    /// It answers.
    Up,
    /// It works, and something is wrong with it.
    Degraded,
    /// It does not answer.
    Down,
    /// It is not used here.
    Off,
}

impl PartStatus {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Off => "off",
        }
    }
}

/// How everything that the process needs does which answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartsHealthOut {
    /// When they were asked.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub as_of: OffsetDateTime,
    /// `postgres`, `nats`, `outbox`, `issuer_keys`, `directory`, and each loop of the process that is in trouble.
    pub parts: Vec<PartHealthOut>,
}

/// How one part does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartHealthOut {
    /// Its name.
    #[schema(example = "postgres")]
    pub part: String,
    /// `up`, `degraded` (it works, and something is wrong), `down` or `off` (not used here).
    #[schema(example = "up")]
    pub status: String,
    /// More about it, in words.
    #[schema(example = "answered within 2 ms")]
    pub message: String,
}
