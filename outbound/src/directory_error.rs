//! The error of every question to a directory.

use crate::credential::CredentialError;
use crate::failure::Failure;
use crate::oauth2::TokenError;

/// Why a directory gave no users, in words fit for a request's timeline: without addresses, secrets or text that the
/// other side wrote. A retry is always safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The directory has no such role, group or client, or the rule cannot be asked as it is written.
    #[error("{0}")]
    Unknown(String),
    /// The directory gave no usable answer.
    #[error("{0}")]
    Unavailable(String),
    /// No directory is configured. A retry fails too, until somebody configures one.
    #[error("{0}")]
    Missing(String),
}

impl From<Failure> for DirectoryError {
    fn from(failure: Failure) -> Self {
        match failure {
            // The policy names the URL, so retrying cannot help until the policy changes.
            Failure::Refused(why) => Self::Unknown(format!("refused: {why}")),
            Failure::Credential(why) => Self::Unavailable(why),
            Failure::Timeout(after) => Self::Unavailable(format!("no answer within {after:?}")),
            Failure::Cut { status, why } => {
                tracing::warn!(status, why, "the response body of a directory broke off");
                Self::Unavailable(format!("answered {status}, but not with the whole of its answer"))
            }
            Failure::Connection(cause) | Failure::Internal(cause) => {
                tracing::warn!(cause, "a directory cannot be reached");
                Self::Unavailable("cannot be reached".to_owned())
            }
        }
    }
}

impl From<TokenError> for DirectoryError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Unreachable(failure) => {
                tracing::warn!(cause = %failure, "a token endpoint cannot be reached");
                Self::Unavailable("the token endpoint gave no answer".to_owned())
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<CredentialError> for DirectoryError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Token(error) => error.into(),
            CredentialError::Header(_) => Self::Unknown(error.to_string()),
        }
    }
}

impl DirectoryError {
    /// The same error, its text prefixed with the directory that was asked.
    #[must_use]
    pub(crate) fn of(self, whom: &str) -> Self {
        match self {
            Self::Unknown(why) => Self::Unknown(format!("{whom}: {why}")),
            Self::Unavailable(why) => Self::Unavailable(format!("{whom}: {why}")),
            Self::Missing(why) => Self::Missing(format!("{whom}: {why}")),
        }
    }
}
