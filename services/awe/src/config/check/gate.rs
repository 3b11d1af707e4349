//! A gate that is enabled and cannot be asked as intended would stop every write, or be asked by nobody in
//! particular: better to stop the start.

use super::Faults;
use crate::config::{Config, Gate, GateAuthType, RegistrationWebhook};
use axum::http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

const UNKNOWN: &str = "must be none, api_key, bearer or oauth2_client_credentials";
const EMPTY: &str = "must not be empty: gate.auth_type needs it";

impl Config {
    pub(super) fn check_gate(&self, faults: &mut Faults) {
        let gate = &self.gate;
        faults.between("gate.timeout_seconds", gate.timeout_seconds, 1, 300);
        faults.between("gate.max_retries", u64::from(gate.max_retries), 0, 100);
        faults.unless(gate.auth().is_some(), "gate.auth_type", UNKNOWN);
        faults.optional_url("gate.url", &gate.url);
        faults.optional_url("gate.oauth2_token_url", &gate.oauth2_token_url);
        if gate.enabled {
            faults.unless(!gate.url.is_empty(), "gate.url", "must not be empty while gate.enabled is true");
            check_credentials(gate, faults);
        }
        self.registration_webhook.check(faults);
    }
}

fn check_credentials(gate: &Gate, faults: &mut Faults) {
    match gate.auth() {
        None | Some(GateAuthType::None) => {}
        Some(GateAuthType::ApiKey) => {
            faults.unless(
                is_name(&gate.auth_header_name),
                "gate.auth_header_name",
                "must name an HTTP header",
            );
            check_credential(gate, faults);
        }
        Some(GateAuthType::Bearer) => check_credential(gate, faults),
        Some(GateAuthType::OAuth2ClientCredentials) => {
            for (key, empty) in [
                ("gate.oauth2_token_url", gate.oauth2_token_url.is_empty()),
                ("gate.oauth2_client_id", gate.oauth2_client_id.is_empty()),
                ("gate.oauth2_client_secret", gate.oauth2_client_secret.expose_secret().is_empty()),
            ] {
                faults.unless(!empty, key, EMPTY);
            }
        }
    }
}

fn check_credential(gate: &Gate, faults: &mut Faults) {
    let key = "gate.auth_credential";
    faults.unless(!gate.auth_credential.expose_secret().is_empty(), key, EMPTY);
    faults.unless(is_value(&gate.auth_credential), key, "cannot be the value of an HTTP header");
}

impl RegistrationWebhook {
    fn check(&self, faults: &mut Faults) {
        faults.optional_url("registration_webhook.url", &self.url);
        faults.between("registration_webhook.timeout_seconds", self.timeout_seconds, 1, 300);
        let named = is_name(&self.auth_header);
        faults.unless(named, "registration_webhook.auth_header", "must name an HTTP header");
        let usable = is_value(&self.auth_token);
        let key = "registration_webhook.auth_token";
        faults.unless(usable, key, "cannot be the value of an HTTP header");
    }
}

fn is_name(text: &str) -> bool {
    HeaderName::from_bytes(text.as_bytes()).is_ok()
}

fn is_value(secret: &SecretString) -> bool {
    HeaderValue::from_str(secret.expose_secret()).is_ok()
}
