//! Every answer that is not 2xx, and how failures of the rooms below become one.
//!
//! A handler returns [`ApiError`]. It becomes an empty response that carries the error as an extension; [`enveloped`] later
//! writes the body, because the envelope needs the configuration (`service_id`). Answers that no handler made (an unknown
//! route, a wrong method, a panic) get their envelope there too.

mod envelope;
mod from;

pub use envelope::{enveloped, panicked};

pub use schemas::api::Reason;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemas::api::{ErrorDetail, Location, ValidationDetail, dotted};

/// An answer that is not 2xx. Its messages reveal nothing internal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    reason: Reason,
    messages: Vec<String>,
    detail: Vec<ValidationDetail>,
    /// Where a reader of the feed may go on.
    oldest_cursor: Option<String>,
    /// Written to the log and never to the caller.
    cause: Option<String>,
}

impl ApiError {
    /// An error with one message.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self::several(reason, vec![message.into()])
    }

    /// An error with one message for each fault.
    #[must_use]
    pub const fn several(reason: Reason, messages: Vec<String>) -> Self {
        Self { reason, messages, detail: Vec::new(), oldest_cursor: None, cause: None }
    }

    /// A body that keeps its schema and breaks a rule; the message names the field.
    pub fn invalid(fault: impl Into<String>) -> Self {
        Self::new(Reason::FaultyValue, fault)
    }

    /// One value of the body that does not keep the schema.
    pub fn body(field: &str, message: impl Into<String>) -> Self {
        Self::faulty(Reason::FaultyBody, vec![detail("body", field, message)])
    }

    /// One query parameter that has no acceptable value.
    pub fn query(name: &str, message: impl Into<String>) -> Self {
        Self::faulty(Reason::FaultyParameter, vec![detail("query", name, message)])
    }

    /// Values that do not keep a schema.
    #[must_use]
    pub fn faulty(reason: Reason, detail: Vec<ValidationDetail>) -> Self {
        let messages = detail.iter().map(told).collect();
        Self { detail, ..Self::several(reason, messages) }
    }

    /// A cursor of the feed before what is kept, and where to go on instead.
    #[must_use]
    pub fn gone(oldest_cursor: String) -> Self {
        Self { oldest_cursor: Some(oldest_cursor), ..Self::from(Reason::EventsGone) }
    }

    /// One header that has no acceptable value.
    pub fn header(name: &str, message: impl Into<String>) -> Self {
        Self::faulty(Reason::FaultyParameter, vec![detail("header", name, message)])
    }

    /// A fault of this program; the cause goes to the log.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..Self::from(Reason::Internal) }
    }

    /// A body that is larger than the limit, in bytes.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        Self::new(Reason::BodyTooLarge, format!("the body is larger than {limit} bytes"))
    }

    /// Which error it is.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The error as one line, where it is told beside others.
    #[must_use]
    pub fn line(&self) -> ErrorDetail {
        ErrorDetail {
            error_code: self.reason.code().to_owned(),
            message: self.messages.join("; "),
            reason: self.reason,
        }
    }

    /// Every faulty value, with its place.
    #[must_use]
    pub fn detail(&self) -> &[ValidationDetail] {
        &self.detail
    }

    /// The status of its reason.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.reason.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Seconds after which to try again, where trying again is the thing to do.
    #[must_use]
    pub const fn retry_after(&self) -> Option<&'static str> {
        match self.reason {
            Reason::Overloaded => Some("1"),
            // The slowest rate limit admits one more call after six seconds.
            Reason::TooManyRequests => Some("6"),
            // Waiting does not configure a directory.
            Reason::NoDirectory => None,
            reason if reason.status() == 503 => Some("2"),
            _ => None,
        }
    }
}

/// With the message that fits every error of the reason.
impl From<Reason> for ApiError {
    fn from(reason: Reason) -> Self {
        Self::new(reason, words(reason))
    }
}

/// The message of an error that names no value. Whoever refuses a value writes a message of its own.
const fn words(reason: Reason) -> &'static str {
    match reason {
        Reason::Starting => "the service is starting; a retry is safe",
        Reason::Stopping => "this process is stopping; a retry at another one is safe",
        Reason::DatabaseAway => {
            "the database cannot be reached; a retry is safe (give calls an Idempotency-Key: the outcome of this one \
             may be unknown)"
        }
        Reason::DatabaseBusy => {
            "the database has no room for more at the moment; a retry is safe (give calls an Idempotency-Key: the \
             outcome of this one may be unknown)"
        }
        Reason::DatabaseTimeout => {
            "the database took too long and was not waited for; a retry is safe (give calls an Idempotency-Key: the \
             outcome of this one may be unknown)"
        }
        Reason::Overloaded => "too many requests at once; nothing was done, a retry is safe",
        Reason::TooManyStreams => {
            "this process serves no more streams; a retry is safe, and GET /events serves without one"
        }
        Reason::EventsGone => {
            "events after this cursor are no longer kept: read anew what you keep, and go on from oldest_cursor"
        }
        Reason::TooManyRequests => "too many such requests by this caller; nothing was done, a retry is safe",
        Reason::TimedOut => {
            "not finished in time, the outcome is unknown; a retry is safe (give calls an Idempotency-Key)"
        }
        Reason::KeysAway => {
            "the identity provider cannot be reached to verify the token; nothing was done, a retry is safe"
        }
        Reason::NoDirectory => "no directory is configured (keycloak.base_url)",
        Reason::TokenMissing => "a bearer token is needed",
        Reason::TokenExpired => "the bearer token has expired",
        Reason::TokenNotYetValid => "the bearer token is not valid yet",
        Reason::TokenMalformed | Reason::TokenUntrusted | Reason::TokenForeign | Reason::TokenSubject => {
            "the bearer token is not valid"
        }
        Reason::ChangedMeanwhile => "changed by somebody else meanwhile; read it again",
        Reason::IdempotencyKeyReused => "the Idempotency-Key was used with another body",
        Reason::UnknownRequest => "the request does not exist",
        Reason::UnknownTask => "the task does not exist",
        Reason::UnknownPolicy => "the policy, or this version of it, does not exist",
        Reason::UnknownDelegation => "the delegation does not exist",
        Reason::UnknownDelivery => "the delivery does not exist",
        Reason::UnknownCallbackSecret => "the callback secret does not exist",
        Reason::NoSuchRoute => "no such route; see /v1/awe/docs",
        Reason::MethodNotAllowed => "the route does not know this method; see the Allow header",
        Reason::NotJson => "the body must be JSON: send content-type application/json",
        Reason::MalformedHttp => "the request is malformed",
        Reason::WriterDown => "nothing can be written at the moment; a retry is safe",
        Reason::BodyTooSlow => "the body did not arrive in time; nothing was done, a retry is safe",
        Reason::Internal => {
            "an internal fault, the outcome is unknown; a retry is safe (give calls an Idempotency-Key)"
        }
        _ => reason.meaning(),
    }
}

fn detail(place: &str, field: &str, message: impl Into<String>) -> ValidationDetail {
    let loc = vec![Location::Field(place.to_owned()), Location::Field(field.to_owned())];
    ValidationDetail { loc, msg: message.into(), kind: "value_error".to_owned() }
}

fn told(detail: &ValidationDetail) -> String {
    format!("{}: {}", dotted(&detail.loc), detail.msg)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(cause, "a request failed for a fault of ours");
        }
        let mut response = self.status().into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
