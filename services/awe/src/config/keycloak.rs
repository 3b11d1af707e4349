//! The identity provider: whose tokens are accepted, and the staff directory.

use super::faults::Faults;
use super::resolver::Resolver;
use super::span::seconds;
use outbound::KeycloakOptions;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// The section `keycloak`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Keycloak {
    #[serde(skip_serializing)]
    pub base_url: String,
    pub directory_file: String,
    pub realm: String,
    #[serde(skip_serializing)]
    pub admin_client_id: String,
    #[serde(skip_serializing)]
    pub admin_client_secret: SecretString,
    pub issuer: String,
    pub additional_issuers: Vec<String>,
    #[serde(skip_serializing)]
    pub jwks_url: String,
    pub audience: String,
    pub browser_client_id: String,
}

impl Keycloak {
    pub(super) fn check(&self, faults: &mut Faults) {
        for (key, url) in [
            ("keycloak.base_url", &self.base_url),
            ("keycloak.issuer", &self.issuer),
            ("keycloak.jwks_url", &self.jwks_url),
        ] {
            faults.optional_url(key, url);
        }
        self.check_issuers(faults);
        self.check_directory(faults);
    }

    fn check_issuers(&self, faults: &mut Faults) {
        let names_no_other =
            self.additional_issuers.is_empty() && self.jwks_url.is_empty() && self.audience.is_empty();
        faults.unless(
            !self.issuer.is_empty() || names_no_other,
            "keycloak.issuer",
            "is empty while additional_issuers, jwks_url or audience is set: name the issuer",
        );
        faults.unless(
            self.additional_issuers.iter().all(|issuer| !issuer.is_empty()),
            "keycloak.additional_issuers",
            "must not hold an empty issuer",
        );
    }

    fn check_directory(&self, faults: &mut Faults) {
        faults.unless(
            self.base_url.is_empty() || !self.realm.is_empty(),
            "keycloak.realm",
            "must not be empty when keycloak.base_url is set",
        );
        faults.unless(
            self.directory_file.is_empty() || (self.issuer.is_empty() && self.base_url.is_empty()),
            "keycloak.directory_file",
            "is for development mode: it must be empty when keycloak.issuer or keycloak.base_url is set",
        );
        let secret = !self.admin_client_secret.expose_secret().is_empty();
        faults.unless(
            self.base_url.is_empty() || (secret && !self.admin_client_id.is_empty()),
            "keycloak.admin_client_secret",
            "and keycloak.admin_client_id are needed when keycloak.base_url is set",
        );
    }

    /// Where the signing keys are.
    #[must_use]
    pub fn signing_keys_url(&self) -> String {
        if self.jwks_url.is_empty() {
            format!("{}/protocol/openid-connect/certs", self.issuer.trim_end_matches('/'))
        } else {
            self.jwks_url.clone()
        }
    }

    /// Whether people can be looked up at all.
    pub(crate) fn names_directory(&self) -> bool {
        !self.base_url.is_empty() || !self.directory_file.is_empty()
    }

    pub(crate) fn options(&self, resolver: &Resolver) -> KeycloakOptions {
        KeycloakOptions {
            base_url: self.base_url.clone(),
            realm: self.realm.clone(),
            client_id: self.admin_client_id.clone(),
            client_secret: self.admin_client_secret.clone(),
            timeout: seconds(resolver.http_timeout_seconds),
            cache: seconds(resolver.cache_seconds),
            service_accounts: resolver.include_service_accounts,
        }
    }
}
