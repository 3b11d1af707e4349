//! Configuration: the defaults built into the program, then a file, then the environment.
//!
//! ```text
//! config/default.yaml  <  --config FILE  <  AWE__SECTION__KEY
//! ```
//!
//! A key that is unknown, or a value that makes no sense, stops the start; the message names every one of them.
//!
//! Each section is one struct, in one file with its checks (`check`) and with what the rooms below are given of it
//! (`options`); `config/default.yaml` explains each key and holds its default. Fields with `skip_serializing` never
//! appear in `GET /config`. A secret cannot appear there by mistake, because [`secrecy::SecretString`] has no
//! serialisation.

mod auth;
mod check;
mod credentials;
mod database;
mod faults;
mod gate;
mod keycloak;
mod load;
mod nats;
mod notifier;
mod registration_webhook;
mod requests;
mod resolver;
mod secrets;
mod server;
mod span;
mod telemetry;
mod ui;
mod webhook;

pub use auth::Auth;
pub use credentials::{Credentials, NamedCredential};
pub use database::Database;
pub use gate::{Gate, GateAuthType};
pub use keycloak::Keycloak;
pub use load::{LoadError, load, load_from};
pub use nats::Nats;
pub use notifier::Notifier;
pub use registration_webhook::RegistrationWebhook;
pub use requests::{Idempotency, Requests, Retention};
pub use resolver::{Resolver, Sla};
pub use secrets::{MasterKeyError, Secrets};
pub use server::Server;
pub use span::seconds;
pub(crate) use telemetry::{CRATES, export};
pub use telemetry::{Telemetry, metrics};
pub use ui::Ui;
pub use webhook::{Egress, Webhook};

use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::vault::Vault;

/// The defaults: `config/default.yaml`.
pub const DEFAULTS: &str = include_str!("../../../config/default.yaml");

/// The whole configuration, one field a section.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub service_id: String,
    pub api_version: String,
    pub module: String,
    pub server: Server,
    pub ui: Ui,
    pub database: Database,
    pub nats: Nats,
    pub auth: Auth,
    pub keycloak: Keycloak,
    pub requests: Requests,
    pub idempotency: Idempotency,
    pub retention: Retention,
    pub resolver: Resolver,
    pub sla: Sla,
    pub webhook: Webhook,
    #[serde(skip_serializing)]
    pub egress: Egress,
    #[serde(skip_serializing)]
    pub credentials: Credentials,
    #[serde(skip_serializing)]
    pub secrets: Secrets,
    pub gate: Gate,
    #[serde(skip_serializing)]
    pub registration_webhook: RegistrationWebhook,
    pub notifier: Notifier,
    pub telemetry: Telemetry,
}

impl Config {
    /// Development mode: no issuer is configured, so unsigned tokens are accepted.
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

    /// The key that callback secrets are sealed with; `None` in development mode without one.
    ///
    /// # Errors
    /// The key is needed and missing, unreadable or malformed.
    pub fn master_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, MasterKeyError> {
        self.secrets.master_key(self.is_development())
    }

    /// Opens and seals callback secrets.
    pub(crate) fn vault(&self) -> Result<Vault, MasterKeyError> {
        self.secrets.vault(self.is_development())
    }

    /// Which addresses a URL that a user set may lead to.
    #[must_use]
    pub(crate) fn egress(&self) -> outbound::Egress {
        self.egress.options(self.is_development())
    }

    /// How webhooks are delivered.
    pub(crate) fn webhooks(&self) -> actors::WebhookOptions {
        self.webhook.options(self.allows_unsigned_webhooks())
    }

    /// How requests are worked on.
    pub(crate) fn request_actors(&self) -> actors::RequestOptions {
        let create_wait = seconds(self.resolver.create_wait_seconds);
        self.requests.options(self.database.commit_limits(), create_wait)
    }

    /// What `GET /config` shows to anybody: no secret, and no address inside the network.
    #[must_use]
    pub fn public(&self) -> Value {
        let mut public = serde_json::to_value(self).unwrap_or_else(|_| json!({}));
        let told = |word: &str| Some(word.to_owned()).filter(|word| !word.is_empty());
        public["sign_in"] = json!({
            "issuer": told(&self.keycloak.issuer),
            "client_id": told(&self.keycloak.browser_client_id),
            "development": self.is_development(),
        });
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
