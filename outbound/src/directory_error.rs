//! Why a directory gave no users.

use crate::oauth2::TokenError;
use crate::transport::Failure;

/// Why a question has no answer, in words fit for a request's timeline: no address, no secret, nothing that the other
/// side wrote. Asking again is always safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The directory knows no such role, group or client, or the rule cannot be asked as it is written.
    #[error("{0}")]
    Unknown(String),
    /// There is a directory, and it gave no usable answer.
    #[error("{0}")]
    Unavailable(String),
    /// No directory is configured: asking again comes to the same until somebody configures one.
    #[error("{0}")]
    Missing(String),
}

impl From<Failure> for DirectoryError {
    fn from(failure: Failure) -> Self {
        match failure {
            // What the guard says is about an address that the policy names.
            Failure::Refused(why) => Self::Unknown(format!("refused: {why}")),
            Failure::Credential(why) => Self::Unavailable(why),
            Failure::Timeout(after) => Self::Unavailable(format!("no answer within {after:?}")),
            Failure::Cut { status, why } => {
                tracing::warn!(status, why, "a directory's answer broke off");
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

impl DirectoryError {
    /// The same, with whom it is about in front.
    #[must_use]
    pub(crate) fn of(self, whom: &str) -> Self {
        match self {
            Self::Unknown(why) => Self::Unknown(format!("{whom}: {why}")),
            Self::Unavailable(why) => Self::Unavailable(format!("{whom}: {why}")),
            Self::Missing(why) => Self::Missing(format!("{whom}: {why}")),
        }
    }
}
