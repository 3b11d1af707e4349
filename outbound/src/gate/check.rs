//! Checks whether the gate can be asked: at start, and for `awe doctor`.

use super::Gate;
use super::finding::{Finding, Level};
use crate::client::{Call, Method};
use crate::credential::Credential;
use crate::oauth2::ClientCredentials;
use crate::redact::shown_url;
use secrecy::ExposeSecret;
use std::time::Duration;

/// Timeout of the call to the gate.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Gate {
    /// Checks that the gate answers and, where it needs an access token, that one is issued. There are no findings when
    /// the gate is not enabled. The check takes at most 5 seconds and one request for a token.
    pub async fn check(&self) -> Vec<Finding> {
        if !self.is_enabled() {
            return Vec::new();
        }
        let url = &self.options.url;
        let mut found = vec![Finding::new(
            Level::Info,
            format!("policy gate: {} (authentication: {})", shown_url(url), self.options.credential.kind()),
        )];
        if url.starts_with("http://") {
            found.push(Finding::new(
                Level::Warning,
                "policy gate: the URL is not HTTPS, which is recommended",
            ));
        }
        found.push(self.check_reachable().await);
        if let Credential::OAuth2(credentials) = &self.options.credential {
            self.check_token(credentials, &mut found).await;
        }
        found
    }

    async fn check_reachable(&self) -> Finding {
        // Any status shows that the gate is reachable, so no credential is sent.
        match self.client.send(Call::new(Method::Head, &self.options.url, TIMEOUT, 0)).await {
            Ok(reply) => {
                Finding::new(Level::Info, format!("policy gate: reachable (status {})", reply.status))
            }
            Err(failure) => Finding::new(
                Level::Warning,
                format!("policy gate: not reachable, writes are refused until it is available: {failure}"),
            ),
        }
    }

    async fn check_token(&self, credentials: &ClientCredentials, found: &mut Vec<Finding>) {
        let token_url = &credentials.token_url;
        if token_url.starts_with("http://") {
            found.push(Finding::new(
                Level::Warning,
                "policy gate: the token URL is not HTTPS, the client's secret travels in the clear",
            ));
        }
        let missing: Vec<&str> = [
            (token_url.is_empty(), "REGISTRATION_GATE_OAUTH2_TOKEN_URL"),
            (credentials.client_id.is_empty(), "REGISTRATION_GATE_OAUTH2_CLIENT_ID"),
            (credentials.client_secret.expose_secret().is_empty(), "REGISTRATION_GATE_OAUTH2_CLIENT_SECRET"),
        ]
        .into_iter()
        .filter_map(|(missing, name)| missing.then_some(name))
        .collect();
        if !missing.is_empty() {
            found.push(Finding::new(Level::Error, format!("policy gate: not set: {}", missing.join(", "))));
            return;
        }
        let scope = credentials.scope.as_deref().filter(|scope| !scope.is_empty()).unwrap_or("(not set)");
        let (url, client) = (shown_url(token_url), masked(&credentials.client_id));
        let text = format!("policy gate: tokens from {url} for client {client}, scope {scope}");
        found.push(Finding::new(Level::Info, text));
        found.push(match self.tokens.fresh(credentials).await {
            Ok(_) => Finding::new(Level::Info, "policy gate: a token was acquired"),
            Err(error) => {
                Finding::new(Level::Warning, format!("policy gate: no token was acquired: {error}"))
            }
        });
    }
}

/// The first eight characters of a client id, if there are more: enough to recognise it.
fn masked(client_id: &str) -> String {
    let (shown, rest) = client_id.char_indices().nth(8).map_or(("", ""), |(at, _)| client_id.split_at(at));
    if rest.is_empty() { "***".to_owned() } else { format!("{shown}...") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_is_masked_after_eight_characters() {
        assert_eq!(masked("gate-client-0001"), "gate-cli...");
        for short in ["12345678", "1", ""] {
            assert_eq!(masked(short), "***");
        }
        assert_eq!(masked("éééééééé1"), "éééééééé...");
    }
}
