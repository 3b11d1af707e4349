//! One struct a concern. Each key is explained in `config/default.yaml`.
//!
//! Whatever is marked `skip_serializing` never appears in `GET /config`; a secret cannot be written there by
//! mistake, because [`SecretString`] has no serialisation.

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// Where to listen, and how much at once.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port of the API.
    pub port: u16,
    /// Port of the UI.
    pub ui_port: u16,
    /// Largest accepted body.
    pub max_body_bytes: usize,
    /// Requests worked on at once.
    pub max_in_flight: usize,
    /// Of these, requests of one caller.
    pub max_in_flight_per_caller: usize,
    /// Lists that one caller may have read at once.
    pub max_lists_per_caller: usize,
    /// Connections at once.
    pub max_connections: usize,
    /// How long a connection may be idle or waiting for its client.
    pub idle_timeout_seconds: u64,
    /// How long a body may take to arrive.
    pub body_timeout_seconds: u64,
    /// A request that takes longer is given up.
    pub request_timeout_seconds: u64,
    /// How long a stop may take.
    pub shutdown_seconds: u64,
}

/// Postgres.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Where; may hold a password.
    #[serde(skip_serializing)]
    pub url: SecretString,
    /// Upper bound of open connections.
    pub max_connections: u32,
    /// How long to wait for one.
    pub acquire_timeout_seconds: u64,
    /// Statements of the group commit under way at once.
    pub commit_writers: usize,
    /// Most transitions in one statement.
    pub commit_batch: usize,
}

/// NATS.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// Where; may hold a password.
    #[serde(skip_serializing)]
    pub url: SecretString,
    /// First word of subjects and stream names.
    pub prefix: String,
    /// Copies of each stream.
    pub replicas: usize,
    /// How long the stream of events keeps an event.
    pub events_retention_hours: u64,
    /// Most bytes of the stream of events; 0 = no bound.
    pub events_max_bytes: i64,
    /// How long message ids are remembered.
    pub duplicate_window_seconds: u64,
    /// How often the stream is compared with the database.
    pub reconcile_interval_seconds: u64,
}

/// Tokens.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Clients whose client roles count.
    pub role_clients: Vec<String>,
    /// Development mode may listen on the network.
    pub allow_unsigned_on_network: bool,
    /// Tolerated clock difference.
    pub leeway_seconds: u64,
    /// Age at which signing keys are fetched again.
    pub jwks_max_age_seconds: u64,
    /// How much longer they serve while they cannot be fetched.
    pub jwks_stale_seconds: u64,
}

/// Identity provider.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Keycloak {
    /// Base URL of the directory.
    #[serde(skip_serializing)]
    pub base_url: String,
    /// A file in the place of a directory, in development mode.
    pub directory_file: String,
    /// Realm.
    pub realm: String,
    /// Client that looks up users.
    #[serde(skip_serializing)]
    pub admin_client_id: String,
    /// Its secret.
    #[serde(skip_serializing)]
    pub admin_client_secret: SecretString,
    /// Accepted `iss`; empty = development mode.
    pub issuer: String,
    /// More accepted `iss`.
    pub additional_issuers: Vec<String>,
    /// Where the signing keys are.
    #[serde(skip_serializing)]
    pub jwks_url: String,
    /// Required `aud`; empty = any.
    pub audience: String,
}

/// Requests in memory.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// Most at once.
    pub max_live: usize,
    /// How long an unused one stays.
    pub idle_seconds: u64,
    /// Commands under way at once.
    pub max_in_flight: usize,
    /// A command that takes longer is given up.
    pub command_timeout_seconds: u64,
    /// Requests may name another artifact type than their policy.
    pub any_artifact_type: bool,
    /// Bytes of a context's JSON.
    pub max_context_bytes: usize,
    /// JSON values in a context.
    pub max_context_values: usize,
    /// Levels of a context.
    pub max_context_depth: usize,
}

impl Requests {
    /// How large a context may be.
    #[must_use]
    pub const fn context_bounds(&self) -> schemas::json::Bounds {
        schemas::json::Bounds {
            bytes: self.max_context_bytes,
            values: self.max_context_values,
            depth: self.max_context_depth,
        }
    }
}

/// Idempotency keys.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// How long a key is remembered.
    pub retention_hours: u32,
}

/// What is forgotten after a while.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// How often it is looked for.
    pub check_interval_seconds: u64,
    /// How long attempts of webhooks are kept; 0 = for good.
    pub attempts_days: u32,
    /// How long finished requests are kept; 0 = for good.
    pub requests_days: u32,
}

/// Asking others who approves.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Resolver {
    /// Timeout of one call.
    pub http_timeout_seconds: u64,
    /// How long a create waits for tasks.
    pub create_wait_seconds: u64,
    /// How long the directory's answers are used again; 0 = never.
    pub cache_seconds: u64,
    /// Whether programs that hold a role or sit in a group are seated.
    pub include_service_accounts: bool,
    /// Requests resolved at once.
    pub concurrency: usize,
}

/// Deadlines.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    /// How often the database is asked.
    pub check_interval_seconds: u64,
}

/// Webhook deliveries.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Timeout of one attempt.
    pub timeout_seconds: u64,
    /// Attempts before giving up.
    pub max_attempts: u32,
    /// Waits between attempts.
    pub backoff_seconds: Vec<u64>,
    /// How often the database is asked.
    pub poll_interval_seconds: u64,
    /// Deliveries to one endpoint taken at once.
    pub batch_size: usize,
    /// Attempts under way at once.
    pub concurrency: usize,
    /// The same, to one endpoint.
    pub endpoint_concurrency: usize,
    /// Attempts per second to one endpoint; 0 = no limit.
    pub endpoint_rate_per_second: u32,
    /// Failures in a row after which an endpoint is left alone.
    pub endpoint_open_after_failures: u32,
    /// For how long.
    pub endpoint_open_seconds: u64,
    /// Send unsigned where there is no secret; absent = only in development mode.
    pub allow_unsigned: Option<bool>,
}

/// Outbound calls to URLs that users set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Networks that pass although they are not public.
    pub allow_cidrs: Vec<IpNet>,
}

/// Encryption of callback secrets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// Base64 of 32 bytes.
    pub master_key: SecretString,
    /// File that holds the same.
    pub master_key_file: String,
    /// Keys that only open.
    pub previous_master_keys: Vec<SecretString>,
    /// Files that hold such keys, one each.
    pub previous_master_key_files: Vec<String>,
}

/// Seconds as a duration.
#[must_use]
pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
