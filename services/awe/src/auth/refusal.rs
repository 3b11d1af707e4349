//! Why a token is not accepted.

use crate::error::{ApiError, Reason};

/// Why a token was not accepted. No text repeats the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The token is not valid. Callers are told the reason; the text is for the log.
    #[error("{1}")]
    Refused(Reason, String),
    /// The signing keys cannot be fetched, so nothing is known of the token. The text is for the log.
    #[error("signing keys are not available: {0}")]
    KeysUnavailable(String),
}

impl AuthError {
    pub(super) fn malformed(why: impl Into<String>) -> Self {
        Self::Refused(Reason::TokenMalformed, why.into())
    }

    pub(super) fn untrusted(why: impl Into<String>) -> Self {
        Self::Refused(Reason::TokenUntrusted, why.into())
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
