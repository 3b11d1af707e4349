//! Who calls, and what they may do.
//!
//! [`Authenticator`] turns a bearer token into an [`Identity`]; handlers ask for the [`Identity`], or for a
//! [`Viewer`] or [`Admin`], and by asking refuse everybody else.

mod claims;
mod development;
mod extractors;
mod identity;
mod jwks;
mod refusal;
mod verified;

pub use development::unsigned_token;
pub(crate) use extractors::note_caller;
pub use extractors::{Admin, Listing, Viewer};
pub use identity::{ADMIN, Identity, VIEWER};
pub use refusal::AuthError;

use crate::config::{Config, seconds};
use claims::{ClaimRules, Claims};
use jwks::Jwks;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;
use verified::Verified;

/// Longest accepted token.
const MAX_TOKEN: usize = 16 * 1024;

enum Mode {
    /// Tokens are read, and their signatures are not looked at.
    Development,
    /// Tokens must be signed with a key of the issuer.
    Signed { keys: Jwks, verified: Verified },
}

/// Turns tokens into callers. A clone shares everything.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    rules: ClaimRules,
    mode: Mode,
}

impl Authenticator {
    /// Verifies tokens as the configuration says. `tasks` tracks the fetches of signing keys that nobody waits for.
    ///
    /// # Errors
    /// The HTTP client for the signing keys cannot be made.
    pub fn new(config: &Config, tasks: &TaskTracker) -> anyhow::Result<Self> {
        let keycloak = &config.keycloak;
        let mode = if config.is_development() {
            tracing::warn!(
                "DEVELOPMENT MODE: keycloak.issuer is empty, so unsigned tokens are accepted and anybody can be \
                 anybody"
            );
            Mode::Development
        } else {
            let (max_age, stale) = (config.auth.jwks_max_age_seconds, config.auth.jwks_stale_seconds);
            let url = keycloak.signing_keys_url();
            let keys = Jwks::new(url, seconds(max_age), seconds(stale), tasks.clone())?;
            Mode::Signed { keys, verified: Verified::new() }
        };
        let issuers = std::iter::once(&keycloak.issuer).chain(&keycloak.additional_issuers);
        let rules = ClaimRules {
            issuers: issuers.filter(|issuer| !issuer.is_empty()).cloned().collect(),
            audience: Some(keycloak.audience.clone()).filter(|audience| !audience.is_empty()),
            role_clients: config.auth.role_clients.clone(),
            leeway: i64::try_from(config.auth.leeway_seconds).unwrap_or(0),
        };
        Ok(Self(Arc::new(Inner { rules, mode })))
    }

    /// Age of the issuer's keys; `None` where none are used or known.
    #[must_use]
    pub fn keys_age(&self) -> Option<Duration> {
        match &self.0.mode {
            Mode::Development => None,
            Mode::Signed { keys, .. } => keys.age(),
        }
    }

    /// The caller that a token stands for.
    ///
    /// # Errors
    /// The token is not valid, or the keys to find that out are away.
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

#[cfg(test)]
mod tests;
