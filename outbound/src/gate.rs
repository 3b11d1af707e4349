//! The admission gate: an HTTP endpoint of the operator's that is asked before something is registered or changed.
//!
//! 200 lets it pass, 403 denies it with a reason; whatever else happens is tried again a few times and then denies
//! too. Nothing here can end in an admission that the gate has not given.

mod check;
mod question;
mod reason;

pub use check::{Finding, Level, shown_url};
pub use question::{Admission, forwarded_headers};

use crate::client::{Call, Client, Method};
use crate::oauth2::{AccessToken, ClientCredentials, TokenError, TokenProvider};
use crate::transport::Failure;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// Wait after the first failed attempt; it doubles from one to the next.
pub const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// No wait is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// A denial's body; the reason in it has 500 characters.
const MAX_ANSWER: usize = 64 * 1024;
const ALLOWED: u16 = 200;
const DENIED: u16 = 403;
const UNAUTHORIZED: u16 = 401;

/// How the gate is asked.
#[derive(Debug, Clone)]
pub struct GateOptions {
    /// Whether it is asked at all.
    pub enabled: bool,
    /// Where it is.
    pub url: String,
    /// How AWE shows who it is.
    pub auth: GateAuth,
    /// Of one attempt, and of getting a token.
    pub timeout: Duration,
    /// Attempts after the first one.
    pub max_retries: u32,
    /// Wait after the first failed attempt: [`FIRST_PAUSE`].
    pub first_pause: Duration,
    /// Tokens are kept until shortly before they expire, instead of being made anew for every question.
    pub token_cache: bool,
}

/// How AWE shows the gate who it is. An empty credential sends no header.
#[derive(Debug, Clone)]
pub enum GateAuth {
    /// Not at all.
    None,
    /// A header of the operator's choice.
    ApiKey {
        /// Its name.
        header: String,
        /// Its value.
        credential: SecretString,
    },
    /// `Authorization: Bearer` with this token.
    Bearer(SecretString),
    /// `Authorization: Bearer` with a token from the identity provider.
    OAuth2(ClientCredentials),
}

impl GateAuth {
    /// As configured and logged.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ApiKey { .. } => "api_key",
            Self::Bearer(_) => "bearer",
            Self::OAuth2(_) => "oauth2_client_credentials",
        }
    }
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether to go on.
    pub allowed: bool,
    /// Why not, fit for the caller.
    pub error_message: Option<String>,
    /// The gate's status, when it decided.
    pub gate_status_code: Option<u16>,
    /// How often the gate was called.
    pub attempts: u32,
}

/// The gate. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    options: GateOptions,
    client: Client,
    tokens: TokenProvider,
}

impl Gate {
    /// A gate as configured. Its URLs are the operator's and therefore trusted.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(options: GateOptions) -> Result<Self, String> {
        let client = Client::trusted()?;
        let tokens = TokenProvider::new(client.clone(), options.timeout);
        Ok(Self { options, client, tokens })
    }

    /// Whether it is asked at all.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.options.enabled
    }

    /// Asks. Ends within `(1 + max_retries) * timeout`, the waits between, and one `timeout` for a token.
    pub async fn ask(&self, admission: &Admission) -> Verdict {
        if !self.options.enabled {
            return Verdict { allowed: true, error_message: None, gate_status_code: None, attempts: 0 };
        }
        let token = match self.token().await {
            Ok(token) => token,
            Err(error) => {
                tracing::warn!(%error, "no token for the policy gate: it is not asked");
                return denied("authentication failed: no OAuth2 token could be acquired", None, 0);
            }
        };
        // Written once: every attempt sends the same bytes.
        let Ok(body) = serde_json::to_vec(&admission.for_the_wire()) else {
            return denied("the question could not be written (fail-closed)", None, 0);
        };
        self.ask_until_decided(body, token).await
    }

    async fn ask_until_decided(&self, body: Vec<u8>, mut token: Option<AccessToken>) -> Verdict {
        let attempts = self.options.max_retries.saturating_add(1);
        for attempt in 1..=attempts {
            let why = match self.attempt(body.clone(), token.as_ref()).await {
                Ok(reply) => match reply.status {
                    ALLOWED => return allowed(attempt),
                    DENIED => return denied(&reason::of_body(&reply.body), Some(DENIED), attempt),
                    status => {
                        if status == UNAUTHORIZED && self.options.token_cache {
                            token = self.replaced(token).await;
                        }
                        format!("status {status}")
                    }
                },
                Err(failure) => failure.to_string(),
            };
            tracing::warn!(attempt, attempts, why, "the policy gate did not decide");
            if attempt < attempts {
                tokio::time::sleep(self.pause_after(attempt)).await;
            }
        }
        denied(&format!("unavailable after {attempts} attempts (fail-closed)"), None, attempts)
    }

    async fn attempt(
        &self,
        body: Vec<u8>,
        token: Option<&AccessToken>,
    ) -> Result<crate::client::Reply, Failure> {
        let call = Call::new(Method::Post, &self.options.url, self.options.timeout, MAX_ANSWER);
        let call = call.body("application/json", body);
        let call = match (&self.options.auth, token) {
            (GateAuth::ApiKey { header, credential }, _) if !is_empty(credential) => {
                call.secret_header(header, credential)?
            }
            (GateAuth::Bearer(credential), _) if !is_empty(credential) => call.bearer(credential)?,
            (_, Some(token)) => call.bearer(token.secret())?,
            _ => call,
        };
        self.client.judge(call, Some(DENIED)).await
    }

    async fn token(&self) -> Result<Option<AccessToken>, TokenError> {
        let GateAuth::OAuth2(credentials) = &self.options.auth else { return Ok(None) };
        if self.options.token_cache {
            self.tokens.cached(credentials).await.map(Some)
        } else {
            self.tokens.fresh(credentials).await.map(Some)
        }
    }

    /// Another token for one that was kept and refused; the same where none is to be had.
    async fn replaced(&self, refused: Option<AccessToken>) -> Option<AccessToken> {
        let (GateAuth::OAuth2(credentials), Some(token)) = (&self.options.auth, &refused) else {
            return refused;
        };
        self.tokens.invalidate(credentials, token).await;
        self.tokens.cached(credentials).await.ok().or(refused)
    }

    fn pause_after(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.options.first_pause.saturating_mul(doubled).min(LONGEST_PAUSE)
    }

    /// The longest that [`Gate::ask`] may take.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let retries = self.options.max_retries;
        let token = u32::from(matches!(self.options.auth, GateAuth::OAuth2(_)));
        let calls = self.options.timeout.saturating_mul(retries.saturating_add(1).saturating_add(token));
        (1..=retries).fold(calls, |sum, attempt| sum.saturating_add(self.pause_after(attempt)))
    }
}

fn is_empty(credential: &SecretString) -> bool {
    credential.expose_secret().is_empty()
}

fn allowed(attempts: u32) -> Verdict {
    Verdict { allowed: true, error_message: None, gate_status_code: Some(ALLOWED), attempts }
}

fn denied(message: &str, gate_status_code: Option<u16>, attempts: u32) -> Verdict {
    Verdict { allowed: false, error_message: Some(message.to_owned()), gate_status_code, attempts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(max_retries: u32, auth: GateAuth) -> Gate {
        Gate::new(GateOptions {
            enabled: true,
            url: "http://gate.example.org/".to_owned(),
            auth,
            timeout: Duration::from_secs(5),
            max_retries,
            first_pause: FIRST_PAUSE,
            token_cache: false,
        })
        .expect("TLS")
    }

    #[test]
    fn pauses_double_from_half_a_second_to_eight_seconds() {
        let gate = gate(7, GateAuth::None);
        let pauses: Vec<f64> = (1..=7).map(|attempt| gate.pause_after(attempt).as_secs_f64()).collect();
        assert_eq!(pauses, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]);
    }

    #[test]
    fn the_longest_question_takes_what_the_settings_add_up_to() {
        assert_eq!(gate(2, GateAuth::None).longest(), Duration::from_millis(16_500));
        let credentials = ClientCredentials {
            token_url: String::new(),
            client_id: String::new(),
            client_secret: "".into(),
            scope: None,
        };
        assert_eq!(gate(2, GateAuth::OAuth2(credentials)).longest(), Duration::from_millis(21_500));
    }
}
