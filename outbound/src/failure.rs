//! Why an HTTP call got no response.

use crate::egress::{NoAllowedAddress, UrlError};
use crate::error_chain::error_chain;
use std::time::Duration;

/// Why an HTTP call failed, in words fit for operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The call was not made: the egress guard refused the URL or every address of its host, or a header is malformed.
    #[error("refused: {0}")]
    Refused(String),
    /// The response head did not arrive within this time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The connection could not be made, or it broke before the response head arrived.
    #[error("{0}")]
    Connection(String),
    /// The head of a 2xx response arrived and its body did not arrive completely.
    #[error("answered {status}, but the body {why}")]
    Cut {
        /// HTTP status.
        status: u16,
        /// What happened to the body.
        why: String,
    },
    /// The credential is not configured, or no access token was issued for it.
    #[error("{0}")]
    Credential(String),
    /// A fault of this program.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    /// Its kind, for traces.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Timeout(_) => "timeout",
            Self::Connection(_) => "connection",
            Self::Cut { .. } => "cut",
            Self::Credential(_) => "credential",
            Self::Internal(_) => "internal",
        }
    }

    /// Classifies an error of the HTTP client: an address that the guard refuses while connecting surfaces as a failed
    /// connection and is a refusal. The URL is left out, since its query may hold secrets.
    pub(crate) fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            if cause.is::<NoAllowedAddress>() {
                return Self::Refused(cause.to_string());
            }
            source = cause.source();
        }
        Self::Connection(error_chain(&error))
    }
}

impl From<UrlError> for Failure {
    fn from(error: UrlError) -> Self {
        Self::Refused(error.to_string())
    }
}
