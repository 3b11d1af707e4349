//! Who calls, and what they may do.
//!
//! [`Authenticator`] turns a bearer token into an [`Identity`]; handlers ask for the [`Identity`], or for a
//! [`Viewer`] or [`Admin`], and by asking refuse everybody else.

mod claims;
mod development;
mod extractors;
mod jwks;
mod verified;

pub use development::unsigned_token;
pub(crate) use extractors::note_caller;
pub use extractors::{Admin, Listing, Viewer};
pub use jwks::Jwks;

use crate::config::{Config, seconds};
use crate::error::{ApiError, Reason};
use claims::Claims;
use std::sync::Arc;
use verified::Verified;

/// Longest accepted token.
const MAX_TOKEN: usize = 16 * 1024;

/// Role that may change things.
pub const ADMIN: &str = "AWE_ADMIN";
/// Role that may look at everything.
pub const VIEWER: &str = "AWE_VIEWER";

/// A caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`: who this is.
    pub subject: String,
    /// Shown, never compared.
    pub email: Option<String>,
    /// The OAuth client that the token was issued to (`azp`).
    pub client: Option<String>,
    /// Roles that count here.
    pub roles: Vec<String>,
}

impl Identity {
    /// Holds `AWE_ADMIN`.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == ADMIN)
    }

    /// Holds `AWE_VIEWER`, or `AWE_ADMIN`, which implies it.
    #[must_use]
    pub fn is_viewer(&self) -> bool {
        self.is_admin() || self.roles.iter().any(|role| role == VIEWER)
    }

    /// As commands name the caller.
    #[must_use]
    pub fn caller(&self) -> engine::command::Caller {
        engine::command::Caller { subject: self.subject.clone(), admin: self.is_admin() }
    }

    /// As the audit trail names the caller.
    #[must_use]
    pub fn actor(&self) -> store::audit::Actor {
        store::audit::Actor { subject: self.subject.clone(), email: self.email.clone() }
    }
}

/// Why a token was not accepted. Never holds the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The token; the text is for the log.
    #[error("{1}")]
    Refused(Reason, String),
    /// The signing keys cannot be fetched.
    #[error("signing keys are not available: {0}")]
    KeysUnavailable(String),
}

impl AuthError {
    fn malformed(why: impl Into<String>) -> Self {
        Self::Refused(Reason::TokenMalformed, why.into())
    }

    fn untrusted(why: impl Into<String>) -> Self {
        Self::Refused(Reason::TokenUntrusted, why.into())
    }
}

/// Rules that claims must keep, whoever signed them.
#[derive(Debug, Clone)]
struct Rules {
    issuers: Vec<String>,
    audience: Option<String>,
    role_clients: Vec<String>,
    leeway: i64,
}

enum Mode {
    /// Tokens are read, not verified.
    Development,
    Signed {
        keys: Jwks,
        verified: Verified,
    },
}

/// Turns tokens into callers. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    rules: Rules,
    mode: Mode,
}

impl Authenticator {
    /// As configured.
    ///
    /// # Errors
    /// The HTTP client for the signing keys cannot be made.
    pub fn new(config: &Config) -> Result<Self, reqwest::Error> {
        let keycloak = &config.keycloak;
        let mode = if config.is_development() {
            tracing::warn!(
                "DEVELOPMENT MODE: keycloak.issuer is empty, so unsigned tokens are accepted and anybody can be \
                 anybody"
            );
            Mode::Development
        } else {
            let (max_age, stale) = (config.auth.jwks_max_age_seconds, config.auth.jwks_stale_seconds);
            let keys = Jwks::new(config.jwks_url(), seconds(max_age), seconds(stale))?;
            Mode::Signed { keys, verified: Verified::new() }
        };
        let issuers = std::iter::once(&keycloak.issuer).chain(&keycloak.additional_issuers);
        let rules = Rules {
            issuers: issuers.filter(|issuer| !issuer.is_empty()).cloned().collect(),
            audience: Some(keycloak.audience.clone()).filter(|audience| !audience.is_empty()),
            role_clients: config.auth.role_clients.clone(),
            leeway: i64::try_from(config.auth.leeway_seconds).unwrap_or(0),
        };
        Ok(Self(Arc::new(Inner { rules, mode })))
    }

    /// The caller that a token stands for.
    ///
    /// # Errors
    /// The token is not valid, or that cannot be found out now.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Identity>, AuthError> {
        if token.len() > MAX_TOKEN {
            return Err(AuthError::malformed("token is longer than 16 KiB"));
        }
        let now = actors::clock::now().unix_timestamp();
        let Inner { rules, mode } = &*self.0;
        match mode {
            Mode::Development => {
                let claims = development::read(token)?;
                claims.check_times(rules, now, false)?;
                claims.identity(rules).map(Arc::new)
            }
            Mode::Signed { keys, verified } => {
                if let Some(known) = verified.get(token).await {
                    return Ok(known);
                }
                let claims: Claims = keys.verify(token).await?;
                claims.check_times(rules, now, true)?;
                claims.check_parties(rules)?;
                let identity = Arc::new(claims.identity(rules)?);
                verified.keep(token, Arc::clone(&identity), claims.seconds_left(rules, now)).await;
                Ok(identity)
            }
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Refused(reason, why) => {
                tracing::info!(why, "token refused");
                reason.into()
            }
            AuthError::KeysUnavailable(why) => {
                tracing::warn!(why, "signing keys are not available");
                Reason::KeysAway.into()
            }
        }
    }
}

#[cfg(test)]
mod tests;
