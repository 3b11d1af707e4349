//! Configuration: the defaults built into the program, then a file, then the environment.
//!
//! ```text
//! config/default.yaml  <  --config FILE  <  AWE__SECTION__KEY
//! ```
//!
//! Every key must be known and every value must make sense, or the program does not start and says which.

mod check;
mod credentials;
mod gate;
mod key;
mod load;
mod notifier;
mod sections;

pub use credentials::{Credentials, NamedCredential};
pub use gate::{Gate, GateAuthType, RegistrationWebhook};
pub use key::MasterKeyError;
pub use load::{LoadError, load, load_from};
pub use notifier::Notifier;
pub use sections::*;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The defaults, as committed.
pub const DEFAULTS: &str = include_str!("../../../config/default.yaml");

/// The whole configuration.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `id` of every envelope.
    pub service_id: String,
    /// `version` of every envelope.
    pub api_version: String,
    /// Name of this installation.
    pub module: String,
    /// Listening.
    pub server: Server,
    /// Postgres.
    pub database: Database,
    /// NATS.
    pub nats: Nats,
    /// Tokens.
    pub auth: Auth,
    /// Identity provider.
    pub keycloak: Keycloak,
    /// Requests in memory.
    pub requests: Requests,
    /// Idempotency keys.
    pub idempotency: Idempotency,
    /// What is forgotten after a while.
    pub retention: Retention,
    /// Asking others who approves.
    pub resolver: Resolver,
    /// Deadlines.
    pub sla: Sla,
    /// Webhook deliveries.
    pub webhook: Webhook,
    /// Outbound calls.
    #[serde(skip_serializing)]
    pub egress: Egress,
    /// How AWE makes itself known to services that policies name, and to receivers of webhooks.
    #[serde(skip_serializing)]
    pub credentials: Credentials,
    /// Encryption of callback secrets.
    #[serde(skip_serializing)]
    pub secrets: Secrets,
    /// Asking before writes.
    pub gate: Gate,
    /// Telling after writes.
    #[serde(skip_serializing)]
    pub registration_webhook: RegistrationWebhook,
    /// Mail.
    pub notifier: Notifier,
}

impl Config {
    /// Unsigned tokens are accepted, because no issuer is configured.
    #[must_use]
    pub const fn is_development(&self) -> bool {
        self.keycloak.issuer.is_empty()
    }

    /// `development` or `jwks`.
    #[must_use]
    pub const fn auth_mode(&self) -> &'static str {
        if self.is_development() { "development" } else { "jwks" }
    }

    /// Whether webhooks may go out without a signature.
    #[must_use]
    pub fn allows_unsigned_webhooks(&self) -> bool {
        self.webhook.allow_unsigned.unwrap_or_else(|| self.is_development())
    }

    /// Where the signing keys are.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        if self.keycloak.jwks_url.is_empty() {
            format!("{}/protocol/openid-connect/certs", self.keycloak.issuer.trim_end_matches('/'))
        } else {
            self.keycloak.jwks_url.clone()
        }
    }

    /// What anybody may know: no secret, and no address inside the network.
    #[must_use]
    pub fn public(&self) -> Value {
        let mut public = serde_json::to_value(self).unwrap_or_else(|_| json!({}));
        public["auth_mode"] = json!(self.auth_mode());
        public["webhook"]["allow_unsigned"] = json!(self.allows_unsigned_webhooks());
        if self.is_development() {
            public["warning"] =
                json!("development mode: unsigned tokens are accepted, anybody can be anybody");
        }
        public
    }
}

#[cfg(test)]
mod tests;
