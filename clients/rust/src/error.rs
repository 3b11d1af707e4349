//! What can go wrong with a call, by what a caller does about it.

use crate::generated::models::{Reason, ValidationDetail};
use crate::generated::words::retry_of;
use crate::repeat::Retry;
use crate::seen::BoxError;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// A call failed: [`Error::kind`] says how, [`Error::retry`] whether it may be sent again.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    source: Option<BoxError>,
    idempotency_key: Option<String>,
}

/// How a call failed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// AWE refused the call.
    Api(ApiError),
    /// No answer came: the connection failed or broke.
    Transport {
        /// False when it is certain that nothing was sent.
        sent: bool,
    },
    /// No answer came in time.
    Timeout {
        /// False when it is certain that nothing was sent.
        sent: bool,
    },
    /// The answer is not AWE's, as a proxy's page or a redirect, or does not fit its schema. What was done is not known.
    UnexpectedAnswer {
        /// HTTP status.
        status: u16,
        /// What is wrong, for people.
        message: String,
    },
    /// No access token could be had.
    Token(String),
    /// A request was not finished in the time that a caller would wait.
    WaitTimeout {
        /// The request.
        request_id: String,
        /// Its status when it was last seen.
        status: String,
        /// How long was waited.
        waited: Duration,
    },
    /// An argument is of no use; nothing was sent.
    InvalidArgument(String),
}

/// AWE refused the call. `docs/errors.md` lists every reason.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// `AWE-003` and its like; covers several reasons. Empty when the answer is not AWE's.
    pub code: String,
    /// One stable word for one error; `None` when the answer is not AWE's.
    pub reason: Option<Reason>,
    /// For people; may change.
    pub message: String,
    /// With 422: what is wrong with which value.
    pub detail: Vec<ValidationDetail>,
    /// `x-request-id` of the answer: the server's log has more under it.
    pub request_id: Option<String>,
    /// How long to wait, when the answer says so.
    pub retry_after: Option<Duration>,
}

/// What a refusal means for the caller, by its status.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiErrorClass {
    /// 400, 405, 413, 415, 422: the call itself is wrong.
    InvalidRequest,
    /// 401: the token is missing, expired or not trusted.
    Authentication,
    /// 403: the token's subject may not do this, or the policy gate denied it.
    PermissionDenied,
    /// 404: no such thing.
    NotFound,
    /// 409: the state of things does not allow it, for example because somebody else has decided.
    Conflict,
    /// 412: the version is not the one that `If-Match` names, since somebody else has changed it. Read it again.
    PreconditionFailed,
    /// 408, 429, 502, 503, 504: not now.
    Unavailable,
    /// Any other 5xx: a fault of the server.
    Internal,
}

impl ApiError {
    /// The error that an answer tells. One without AWE's envelope, as of a proxy, has no code and no reason.
    pub(crate) fn read(
        status: u16,
        body: &[u8],
        request_id: Option<String>,
        retry_after: Option<Duration>,
    ) -> Self {
        let envelope: Value = serde_json::from_slice(body).unwrap_or_default();
        let first = &envelope["errors"][0];
        let text = |name: &str| first[name].as_str().map(str::to_owned);
        let (message, code) = match (text("message"), text("errorCode")) {
            (Some(message), Some(code)) => (message, code),
            _ => ("the answer is not AWE's; a proxy may have given it".to_owned(), String::new()),
        };
        let reason = first["reason"].as_str().filter(|_| !code.is_empty()).map(Reason::from);
        let detail = envelope["detail"].as_array().into_iter().flatten();
        let detail = detail.filter_map(|one| serde_json::from_value(one.clone()).ok()).collect();
        Self { status, code, reason, message, detail, request_id, retry_after }
    }

    /// What the refusal means.
    #[must_use]
    pub const fn class(&self) -> ApiErrorClass {
        match self.status {
            401 => ApiErrorClass::Authentication,
            403 => ApiErrorClass::PermissionDenied,
            404 => ApiErrorClass::NotFound,
            409 => ApiErrorClass::Conflict,
            412 => ApiErrorClass::PreconditionFailed,
            408 | 429 | 502..=504 => ApiErrorClass::Unavailable,
            500.. => ApiErrorClass::Internal,
            _ => ApiErrorClass::InvalidRequest,
        }
    }

    fn retry(&self) -> Retry {
        let by_status = match self.status {
            429 => Retry::Yes,
            500.. => Retry::WithKey,
            _ => Retry::No,
        };
        self.reason.as_ref().and_then(|reason| retry_of(reason.as_str())).unwrap_or(by_status)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(reason) = &self.reason {
            write!(f, " {} {reason}", self.code)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind, source: None, idempotency_key: None }))
    }

    pub(crate) fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_key(mut self, key: Option<String>) -> Self {
        self.0.idempotency_key = key;
        self
    }

    pub(crate) fn unexpected(status: u16, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::UnexpectedAnswer { status, message: message.into() })
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument(message.into()))
    }

    /// How the call failed.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// What AWE said, when it refused the call.
    #[must_use]
    pub fn api(&self) -> Option<&ApiError> {
        match self.kind() {
            ErrorKind::Api(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The stable word of the refusal.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.api().and_then(|refusal| refusal.reason.as_ref())
    }

    /// HTTP status of the answer, when one came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.kind() {
            ErrorKind::Api(refusal) => Some(refusal.status),
            ErrorKind::UnexpectedAnswer { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the same call may be sent again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self.kind() {
            ErrorKind::Api(refusal) => refusal.retry(),
            ErrorKind::Transport { sent } | ErrorKind::Timeout { sent } if !*sent => Retry::Yes,
            ErrorKind::Transport { .. } | ErrorKind::Timeout { .. } | ErrorKind::UnexpectedAnswer { .. } => {
                Retry::WithKey
            }
            ErrorKind::Token(_) | ErrorKind::WaitTimeout { .. } | ErrorKind::InvalidArgument(_) => Retry::No,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.retry() != Retry::No
    }

    /// The key that a create was sent with: send it again to learn what became of it.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.0.idempotency_key.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            ErrorKind::Api(refusal) => refusal.fmt(f),
            ErrorKind::Transport { sent: true } => f.write_str("the connection broke before the answer came"),
            ErrorKind::Transport { sent: false } => f.write_str("nobody could be connected to"),
            ErrorKind::Timeout { .. } => f.write_str("no answer came in time"),
            ErrorKind::UnexpectedAnswer { status, message } => write!(f, "{status}: {message}"),
            ErrorKind::Token(message) => write!(f, "no access token: {message}"),
            ErrorKind::WaitTimeout { request_id, status, waited } => {
                write!(f, "request {request_id} is still {status} after {waited:?}")
            }
            ErrorKind::InvalidArgument(message) => f.write_str(message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("source", &self.0.source)
            .field("idempotency_key", &self.0.idempotency_key)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, reason: &str) -> Error {
        let body = format!(r#"{{"errors":[{{"errorCode":"AWE-099","reason":"{reason}","message":"m"}}]}}"#);
        Error::new(ErrorKind::Api(ApiError::read(status, body.as_bytes(), None, None)))
    }

    #[test]
    fn a_reason_of_tomorrow_is_judged_by_its_status() {
        let by_status = [(409, Retry::No), (429, Retry::Yes), (503, Retry::WithKey), (500, Retry::WithKey)];
        for (status, retry) in by_status {
            let error = refusal(status, "novelty");
            assert_eq!(error.reason(), Some(&Reason::Other("novelty".to_owned())));
            assert_eq!(error.retry(), retry, "{status}");
        }
    }

    #[test]
    fn a_known_reason_decides_whatever_the_status() {
        assert_eq!(refusal(503, "no_directory").retry(), Retry::No);
        assert_eq!(refusal(409, "changed_meanwhile").retry(), Retry::Yes);
        assert_eq!(refusal(503, "database_away").retry(), Retry::WithKey);
        assert_eq!(refusal(503, "overloaded").to_string(), "503 AWE-099 overloaded: m");
    }

    #[test]
    fn an_answer_of_a_proxy_has_no_reason() {
        for body in ["<html>", "[]", r#"{"errors":[]}"#, r#"{"errors":[{"reason":"overloaded"}]}"#, ""] {
            let error = ApiError::read(502, body.as_bytes(), None, None);
            assert_eq!((error.code.as_str(), error.reason.clone()), ("", None), "{body}");
            assert_eq!(error.class(), ApiErrorClass::Unavailable);
        }
    }
}
