//! Credentials by name: how AWE authenticates to services that a policy names and to receivers of webhooks. Policies and
//! callback secrets hold only the name of a credential.

use super::faults::Faults;
use outbound::{ClientCredentials, Credential};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The section `credentials`: by the name that policies and callback secrets use.
pub type Credentials = BTreeMap<String, NamedCredential>;

/// One credential of the section `credentials`.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum NamedCredential {
    /// Nothing is sent along.
    None {},
    /// A key in a header.
    ApiKey {
        /// Name of the header.
        header: String,
        /// The value of that header.
        key: SecretString,
    },
    /// A bearer token that does not change.
    Bearer {
        /// The token after `Bearer `.
        token: SecretString,
    },
    /// A bearer token by OAuth 2.0 client credentials.
    Oauth2ClientCredentials {
        /// The token endpoint.
        token_url: String,
        /// The parameter `client_id`.
        client_id: String,
        /// The parameter `client_secret`.
        client_secret: SecretString,
        /// The parameter `scope`; left out when empty.
        #[serde(default)]
        scope: String,
    },
}

/// Headers that AWE sets itself or that HTTP needs: a credential in one of them would be overwritten.
const OWN_HEADERS: [&str; 8] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "traceparent",
    "transfer-encoding",
    "user-agent",
];

/// Whether AWE sets this header itself. Headers of signatures are recognised by their prefix.
fn is_own(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    OWN_HEADERS.contains(&&*header) || header.starts_with("webhook-") || header.starts_with("x-approval-")
}

impl NamedCredential {
    /// The word that `type` has in the configuration.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None {} => "none",
            Self::ApiKey { .. } => "api_key",
            Self::Bearer { .. } => "bearer",
            Self::Oauth2ClientCredentials { .. } => "oauth2_client_credentials",
        }
    }

    /// The credential as `outbound` takes it.
    #[must_use]
    pub fn usable(&self) -> Credential {
        match self.clone() {
            Self::None {} => Credential::None,
            Self::ApiKey { header, key } => Credential::ApiKey { header, key },
            Self::Bearer { token } => Credential::Bearer(token),
            Self::Oauth2ClientCredentials { token_url, client_id, client_secret, scope } => {
                let scope = Some(scope).filter(|scope| !scope.is_empty());
                Credential::OAuth2(ClientCredentials { token_url, client_id, client_secret, scope })
            }
        }
    }

    fn check(&self, key: &str, faults: &mut Faults) {
        let mut secret = |name: &str, value: &SecretString| {
            let value = value.expose_secret();
            let good = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
            faults.unless(
                good,
                &format!("{key}.{name}"),
                "must not be empty or hold what no header may hold",
            );
        };
        match self {
            Self::None {} => {}
            Self::ApiKey { header, key: value } => {
                secret("key", value);
                let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
                let good = !header.is_empty() && header.bytes().all(word);
                faults.unless(good, &format!("{key}.header"), "must be the name of a header");
                faults.unless(!is_own(header), &format!("{key}.header"), "is a header that AWE sends itself");
            }
            Self::Bearer { token } => secret("token", token),
            Self::Oauth2ClientCredentials { token_url, client_id, client_secret, .. } => {
                secret("client_secret", client_secret);
                faults.unless(!client_id.is_empty(), &format!("{key}.client_id"), "must not be empty");
                faults.url(&format!("{key}.token_url"), token_url, &["http", "https"]);
            }
        }
    }
}

pub(super) fn check(credentials: &Credentials, faults: &mut Faults) {
    for (name, credential) in credentials {
        let key = format!("credentials.{name}");
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        // Variables are read in lower case: such a name can be set by one.
        let good = name != "none" && !name.is_empty() && name.chars().all(word);
        faults.unless(good, &key, "must be a name of lower-case letters, digits, - or _, and not `none`");
        credential.check(&key, faults);
    }
}
