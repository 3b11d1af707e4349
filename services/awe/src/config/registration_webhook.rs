//! Who is told after something was registered, changed or removed.

use super::faults::Faults;
use super::span::seconds;
use outbound::registration::RegistrationOptions;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// The section `registration_webhook`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationWebhook {
    #[serde(skip_serializing)]
    pub url: String,
    #[serde(skip_serializing)]
    pub auth_header: String,
    #[serde(skip_serializing)]
    pub auth_token: SecretString,
    #[serde(skip_serializing)]
    pub timeout_seconds: u64,
    #[serde(skip_serializing)]
    pub requests: bool,
}

impl RegistrationWebhook {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.optional_url("registration_webhook.url", &self.url);
        faults.between("registration_webhook.timeout_seconds", self.timeout_seconds, 1, 300);
        faults.header_name("registration_webhook.auth_header", &self.auth_header);
        faults.header_value("registration_webhook.auth_token", &self.auth_token);
    }

    /// The section as `outbound` takes it.
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
