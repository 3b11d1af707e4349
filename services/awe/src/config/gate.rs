//! The policy gate, which is asked before something is registered or changed.

use super::faults::Faults;
use super::span::seconds;
use outbound::gate::{FIRST_PAUSE, GateOptions};
use outbound::{ClientCredentials, Credential};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// The section `gate`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    pub enabled: bool,
    #[serde(skip_serializing)]
    pub url: String,
    #[serde(skip_serializing)]
    pub auth_type: String,
    #[serde(skip_serializing)]
    pub auth_credential: SecretString,
    #[serde(skip_serializing)]
    pub auth_header_name: String,
    #[serde(skip_serializing)]
    pub timeout_seconds: u64,
    #[serde(skip_serializing)]
    pub max_retries: u32,
    #[serde(skip_serializing)]
    pub oauth2_token_url: String,
    #[serde(skip_serializing)]
    pub oauth2_client_id: String,
    #[serde(skip_serializing)]
    pub oauth2_client_secret: SecretString,
    #[serde(skip_serializing)]
    pub oauth2_scope: String,
    #[serde(skip_serializing)]
    pub oauth2_token_cache: bool,
    #[serde(skip_serializing)]
    pub requests: bool,
}

const UNKNOWN: &str = "must be none, api_key, bearer or oauth2_client_credentials";
const EMPTY: &str = "must not be empty: gate.auth_type needs it";

/// How AWE authenticates to the gate: the words that `gate.auth_type` may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateAuthType {
    /// AWE sends no credential.
    None,
    /// A fixed key in a header that the operator names.
    ApiKey,
    /// A fixed bearer token.
    Bearer,
    /// A bearer token by OAuth 2.0 client credentials.
    OAuth2ClientCredentials,
}

impl Gate {
    /// An enabled gate that cannot be asked as intended would stop every write, so it stops the start instead.
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.between("gate.timeout_seconds", self.timeout_seconds, 1, 300);
        faults.between("gate.max_retries", u64::from(self.max_retries), 0, 100);
        faults.unless(self.auth().is_some(), "gate.auth_type", UNKNOWN);
        faults.optional_url("gate.url", &self.url);
        faults.optional_url("gate.oauth2_token_url", &self.oauth2_token_url);
        if self.enabled {
            faults.unless(!self.url.is_empty(), "gate.url", "must not be empty while gate.enabled is true");
            self.check_auth(faults);
        }
    }

    fn check_auth(&self, faults: &mut Faults) {
        match self.auth() {
            None | Some(GateAuthType::None) => {}
            Some(GateAuthType::ApiKey) => {
                faults.header_name("gate.auth_header_name", &self.auth_header_name);
                self.check_auth_credential(faults);
            }
            Some(GateAuthType::Bearer) => self.check_auth_credential(faults),
            Some(GateAuthType::OAuth2ClientCredentials) => {
                let secret = self.oauth2_client_secret.expose_secret();
                for (key, value) in [
                    ("gate.oauth2_token_url", &*self.oauth2_token_url),
                    ("gate.oauth2_client_id", &*self.oauth2_client_id),
                    ("gate.oauth2_client_secret", secret),
                ] {
                    faults.unless(!value.is_empty(), key, EMPTY);
                }
            }
        }
    }

    fn check_auth_credential(&self, faults: &mut Faults) {
        let key = "gate.auth_credential";
        faults.unless(!self.auth_credential.expose_secret().is_empty(), key, EMPTY);
        faults.header_value(key, &self.auth_credential);
    }

    /// How AWE authenticates; `None` when `gate.auth_type` is no known word (upper and lower case are equal).
    #[must_use]
    pub fn auth(&self) -> Option<GateAuthType> {
        match self.auth_type.to_ascii_lowercase().as_str() {
            "none" => Some(GateAuthType::None),
            "api_key" => Some(GateAuthType::ApiKey),
            "bearer" => Some(GateAuthType::Bearer),
            "oauth2_client_credentials" => Some(GateAuthType::OAuth2ClientCredentials),
            _ => None,
        }
    }

    /// The section as `outbound` takes it. An unknown `auth_type` never gets here: [`Gate::check`] stops the start.
    #[must_use]
    pub fn options(&self) -> GateOptions {
        let credential = match self.auth() {
            None | Some(GateAuthType::None) => Credential::None,
            Some(GateAuthType::ApiKey) => Credential::ApiKey {
                header: self.auth_header_name.clone(),
                key: self.auth_credential.clone(),
            },
            Some(GateAuthType::Bearer) => Credential::Bearer(self.auth_credential.clone()),
            Some(GateAuthType::OAuth2ClientCredentials) => Credential::OAuth2(ClientCredentials {
                token_url: self.oauth2_token_url.clone(),
                client_id: self.oauth2_client_id.clone(),
                client_secret: self.oauth2_client_secret.clone(),
                scope: Some(self.oauth2_scope.clone()).filter(|scope| !scope.is_empty()),
            }),
        };
        GateOptions {
            enabled: self.enabled,
            url: self.url.clone(),
            credential,
            timeout: seconds(self.timeout_seconds),
            max_retries: self.max_retries,
            first_pause: FIRST_PAUSE,
            token_cache: self.oauth2_token_cache,
        }
    }
}
