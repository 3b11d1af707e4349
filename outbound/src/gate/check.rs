//! Whether the gate can be reached, asked once at start and by whoever diagnoses. Finds, and never fails.

use super::{Gate, GateAuth};
use crate::client::{Call, Method};
use crate::oauth2::ClientCredentials;
use secrecy::ExposeSecret;
use std::fmt;
use std::time::Duration;
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(5);

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Info,
    /// Works, or may work later.
    Warning,
    /// Cannot work like this.
    Error,
}

/// One thing that was found. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What was found.
    pub text: String,
}

impl Finding {
    fn new(level: Level, text: impl Into<String>) -> Self {
        Self { level, text: text.into() }
    }

    /// Writes it to the log.
    pub fn log(&self) {
        match self.level {
            Level::Info => tracing::info!("{}", self.text),
            Level::Warning => tracing::warn!("{}", self.text),
            Level::Error => tracing::error!("{}", self.text),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Gate {
    /// Looks whether the gate answers and, where it needs one, whether a token can be had. Nothing is found where the
    /// gate is not enabled. Takes 5 seconds and one token at most.
    pub async fn check(&self) -> Vec<Finding> {
        if !self.is_enabled() {
            return Vec::new();
        }
        let url = &self.options.url;
        let mut found = vec![Finding::new(
            Level::Info,
            format!("policy gate: {} (authentication: {})", shown_url(url), self.options.auth.name()),
        )];
        if url.starts_with("http://") {
            found.push(Finding::new(
                Level::Warning,
                "policy gate: the URL is not HTTPS, which is recommended",
            ));
        }
        found.push(self.check_reachable().await);
        if let GateAuth::OAuth2(credentials) = &self.options.auth {
            self.check_token(credentials, &mut found).await;
        }
        found
    }

    async fn check_reachable(&self) -> Finding {
        // Any answer will do, and none needs a credential.
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

/// Without what may be secret in a URL: user, password, query and fragment.
#[must_use]
pub fn shown_url(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "(not a URL)".to_owned() };
    // A URL that cannot have a user has none.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// Enough of a client's id to recognise it.
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

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        assert_eq!(shown_url("https://user:pw@gate.example.org/x?key=1#y"), "https://gate.example.org/x");
        assert_eq!(shown_url("pw@nonsense"), "(not a URL)");
    }
}
