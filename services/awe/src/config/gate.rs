//! The admission gate and the registration webhook, as configured and as `outbound` takes them.

use super::seconds;
use outbound::gate::{FIRST_PAUSE, GateOptions};
use outbound::registration::RegistrationOptions;
use outbound::{ClientCredentials, Credential};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Who is asked before something is registered or changed.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Whether it is asked.
    pub enabled: bool,
    /// Where it is.
    #[serde(skip_serializing)]
    pub url: String,
    /// `none`, `api_key`, `bearer` or `oauth2_client_credentials`, in any case.
    #[serde(skip_serializing)]
    pub auth_type: String,
    /// The key or token of `api_key` and `bearer`.
    #[serde(skip_serializing)]
    pub auth_credential: SecretString,
    /// Header of `api_key`.
    #[serde(skip_serializing)]
    pub auth_header_name: String,
    /// Timeout of one attempt, and of getting a token.
    #[serde(skip_serializing)]
    pub timeout_seconds: u64,
    /// Attempts after the first one.
    #[serde(skip_serializing)]
    pub max_retries: u32,
    /// Token endpoint.
    #[serde(skip_serializing)]
    pub oauth2_token_url: String,
    /// Client that gets a token.
    #[serde(skip_serializing)]
    pub oauth2_client_id: String,
    /// Its secret.
    #[serde(skip_serializing)]
    pub oauth2_client_secret: SecretString,
    /// Scope of the token.
    #[serde(skip_serializing)]
    pub oauth2_scope: String,
    /// Keep tokens until shortly before they expire.
    #[serde(skip_serializing)]
    pub oauth2_token_cache: bool,
    /// Ask about requests for approval too.
    #[serde(skip_serializing)]
    pub requests: bool,
}

/// Ways of authentication that `gate.auth_type` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateAuthType {
    /// None.
    None,
    /// A header of the operator's choice.
    ApiKey,
    /// A token of the operator's.
    Bearer,
    /// A token from the identity provider.
    OAuth2ClientCredentials,
}

impl Gate {
    /// The way of authentication, when it is a known one.
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

    /// As `outbound` takes it. An unknown way of authentication has stopped the start before.
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

/// Who is told after something was registered, changed or removed.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationWebhook {
    /// Empty = nobody.
    #[serde(skip_serializing)]
    pub url: String,
    /// Header that carries the token.
    #[serde(skip_serializing)]
    pub auth_header: String,
    /// Empty = no such header.
    #[serde(skip_serializing)]
    pub auth_token: SecretString,
    /// Timeout of one call.
    #[serde(skip_serializing)]
    pub timeout_seconds: u64,
    /// Tell of requests for approval too.
    #[serde(skip_serializing)]
    pub requests: bool,
}

impl RegistrationWebhook {
    /// As `outbound` takes it.
    #[must_use]
    pub fn options(&self) -> RegistrationOptions {
        RegistrationOptions {
            url: self.url.clone(),
            auth_header: self.auth_header.clone(),
            auth_token: self.auth_token.expose_secret().into(),
            timeout: seconds(self.timeout_seconds),
        }
    }
}
