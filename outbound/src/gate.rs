//! The admission gate: an HTTP endpoint of the operator that is asked before something is registered or changed.
//!
//! The gate fails closed. Status 200 admits and 403 denies; any other outcome is retried a few times and then denies too.

mod check;
mod finding;
mod question;
mod reason;

pub use finding::{Finding, Level};
pub use question::{Question, forwarded_headers};

use crate::backoff::Backoff;
use crate::client::{Call, Client, Method, Reply};
use crate::credential::{Authorization, Credential, CredentialError};
use crate::failure::Failure;
use crate::http_pool::SetupError;
use crate::oauth2::TokenProvider;
use secrecy::ExposeSecret;
use std::time::{Duration, Instant};
use telemetry::measure;

/// Pause after the first failed attempt.
pub const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// Bytes of the body of a denial, of which 500 characters become its reason.
const MAX_ANSWER: usize = 64 * 1024;
const ALLOWED: u16 = 200;
const DENIED: u16 = 403;
const UNAUTHORIZED: u16 = 401;

/// Where the gate is, and how it is asked.
#[derive(Debug, Clone)]
pub struct GateOptions {
    /// Whether the gate is asked at all.
    pub enabled: bool,
    /// URL of the gate.
    pub url: String,
    /// The credential that AWE authenticates with. An empty key or token sends no header.
    pub credential: Credential,
    /// Timeout of one attempt, and of a request for an access token.
    pub timeout: Duration,
    /// Attempts after the first one.
    pub max_retries: u32,
    /// Pause after the first failed attempt, doubled after each further one: [`FIRST_PAUSE`] outside tests.
    pub first_pause: Duration,
    /// Whether access tokens are cached. Otherwise each question gets a new one.
    pub token_cache: bool,
}

/// The decision on a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Whether the write may go on.
    pub allowed: bool,
    /// Why it may not, in words fit for the caller.
    pub error_message: Option<String>,
    /// Status of the gate's response, when that decided.
    pub gate_status_code: Option<u16>,
    /// How often the gate was called.
    pub attempts: u32,
}

/// Asks the gate. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    options: GateOptions,
    client: Client,
    tokens: TokenProvider,
}

impl Gate {
    /// A gate at a URL that is trusted, since the operator sets it.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(options: GateOptions) -> Result<Self, SetupError> {
        let client = Client::trusted()?;
        let provider = if options.token_cache { TokenProvider::new } else { TokenProvider::without_cache };
        let tokens = provider(client.clone(), options.timeout);
        Ok(Self { options, client, tokens })
    }

    /// Whether the gate is asked at all.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.options.enabled
    }

    /// Asks the gate. Takes at most [`Gate::longest`].
    pub async fn ask(&self, question: &Question) -> Ruling {
        if !self.options.enabled {
            return Ruling { allowed: true, error_message: None, gate_status_code: None, attempts: 0 };
        }
        let authorization = match self.authorize().await {
            Ok(authorization) => authorization,
            Err(CredentialError::Token(error)) => {
                tracing::warn!(%error, "no token for the policy gate: it is not asked");
                return denied("authentication failed: no OAuth2 token could be acquired", None, 0);
            }
            // The configuration is checked at start, so this is for callers of this crate only.
            Err(error @ CredentialError::Header(_)) => {
                tracing::warn!(%error, "the credential of the policy gate is unusable: it is not asked");
                return denied("authentication failed: the credential cannot be sent", None, 0);
            }
        };
        // Serialised once, so that every attempt sends the same bytes.
        let Ok(body) = serde_json::to_vec(&question.for_the_wire()) else {
            return denied("the question could not be written (fail-closed)", None, 0);
        };
        let began = Instant::now();
        let ruling = self.ask_until_decided(body, authorization).await;
        let outcome = match (ruling.allowed, ruling.gate_status_code) {
            (true, _) => "allowed",
            (false, Some(_)) => "refused",
            (false, None) => "failed",
        };
        measure::gated(outcome, began.elapsed());
        ruling
    }

    async fn ask_until_decided(&self, body: Vec<u8>, mut authorization: Option<Authorization>) -> Ruling {
        let attempts = self.options.max_retries.saturating_add(1);
        for attempt in 1..=attempts {
            let why = match self.attempt(body.clone(), authorization.as_ref()).await {
                Ok(reply) => match reply.status {
                    ALLOWED => return allowed(attempt),
                    DENIED => return denied(&reason::of_body(&reply.body), Some(DENIED), attempt),
                    status => {
                        if status == UNAUTHORIZED {
                            authorization = self.renewed(authorization).await;
                        }
                        format!("status {status}")
                    }
                },
                Err(failure) => failure.to_string(),
            };
            tracing::warn!(attempt, attempts, why, "the policy gate did not decide");
            if attempt < attempts {
                tokio::time::sleep(self.pauses().after(attempt)).await;
            }
        }
        denied(&format!("unavailable after {attempts} attempts (fail-closed)"), None, attempts)
    }

    async fn attempt(&self, body: Vec<u8>, authorization: Option<&Authorization>) -> Result<Reply, Failure> {
        let call = Call::new(Method::Post, &self.options.url, self.options.timeout, MAX_ANSWER)
            .body("application/json", body);
        let call = match authorization {
            Some(authorization) => authorization.put_on(call),
            None => call,
        };
        self.client.send_for_status(call, Some(DENIED)).await
    }

    async fn authorize(&self) -> Result<Option<Authorization>, CredentialError> {
        match &self.options.credential {
            Credential::ApiKey { key: secret, .. } | Credential::Bearer(secret)
                if secret.expose_secret().is_empty() =>
            {
                Ok(None)
            }
            credential => credential.authorize(&self.tokens).await,
        }
    }

    /// Another access token in place of a cached one that was refused. Where there is none, the next attempt sends the
    /// same header again.
    async fn renewed(&self, refused: Option<Authorization>) -> Option<Authorization> {
        if !self.options.credential.renew(refused.as_ref(), &self.tokens).await {
            return refused;
        }
        self.authorize().await.unwrap_or(refused)
    }

    const fn pauses(&self) -> Backoff {
        Backoff::new(self.options.first_pause, LONGEST_PAUSE)
    }

    /// The longest time that [`Gate::ask`] takes: every attempt, the pauses between them, and a request for a token.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let retries = self.options.max_retries;
        let token = u32::from(matches!(self.options.credential, Credential::OAuth2(_)));
        let calls = self.options.timeout.saturating_mul(retries.saturating_add(1).saturating_add(token));
        (1..=retries).fold(calls, |sum, attempt| sum.saturating_add(self.pauses().after(attempt)))
    }
}

fn allowed(attempts: u32) -> Ruling {
    Ruling { allowed: true, error_message: None, gate_status_code: Some(ALLOWED), attempts }
}

fn denied(message: &str, gate_status_code: Option<u16>, attempts: u32) -> Ruling {
    Ruling { allowed: false, error_message: Some(message.to_owned()), gate_status_code, attempts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth2::ClientCredentials;

    fn gate(max_retries: u32, credential: Credential) -> Gate {
        Gate::new(GateOptions {
            enabled: true,
            url: "http://gate.example.org/".to_owned(),
            credential,
            timeout: Duration::from_secs(5),
            max_retries,
            first_pause: FIRST_PAUSE,
            token_cache: false,
        })
        .expect("TLS")
    }

    #[test]
    fn pauses_double_from_half_a_second_to_eight_seconds() {
        let gate = gate(7, Credential::None);
        let pauses: Vec<f64> = (1..=7).map(|attempt| gate.pauses().after(attempt).as_secs_f64()).collect();
        assert_eq!(pauses, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]);
    }

    #[test]
    fn the_longest_question_takes_what_the_settings_add_up_to() {
        assert_eq!(gate(2, Credential::None).longest(), Duration::from_millis(16_500));
        let credentials = ClientCredentials {
            token_url: String::new(),
            client_id: String::new(),
            client_secret: "".into(),
            scope: None,
        };
        assert_eq!(gate(2, Credential::OAuth2(credentials)).longest(), Duration::from_millis(21_500));
    }
}
