//! Every answer that is not 2xx, and how failures of the rooms below become one.
//!
//! A handler returns [`ApiError`]; it travels as an extension of an empty response, and [`enveloped`] gives it the
//! body, because only there is it known how this service names itself. Answers that something else made (an
//! unknown route, a wrong method, a panic) get their envelope there too.

mod envelope;
mod from;

pub use envelope::{enveloped, panicked};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemas::api::{Location, ValidationDetail};

/// What a caller is told instead of an answer. Messages reveal nothing internal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiError {
    /// No such policy, version, or active version.
    UnknownPolicy(String),
    /// The policy key exists.
    PolicyExists(String),
    /// No such request.
    UnknownRequest(String),
    /// No such task, delegation, delivery or secret.
    NotFound(String),
    /// The process has not finished starting.
    Starting,
    /// The database cannot be reached.
    DatabaseUnavailable,
    /// The state does not allow it.
    Conflict(String),
    /// Something else that is needed cannot be reached.
    Unavailable(String),
    /// Something that is needed is not configured: trying again comes to the same.
    NotConfigured(String),
    /// More work than this process takes on.
    Overloaded,
    /// This caller calls this route too often.
    TooManyRequests,
    /// Not finished in time.
    TimedOut,
    /// No valid token.
    Unauthenticated(&'static str),
    /// A valid token that may not do this.
    Forbidden(String),
    /// The policy gate did not admit it; nothing was written.
    Denied(String),
    /// The idempotency key was used with another body.
    IdempotencyMismatch,
    /// Well-formed, and refused for what it says: every fault.
    Invalid(Vec<String>),
    /// A body or query that does not keep its schema.
    Unprocessable(Vec<ValidationDetail>),
    /// Body over the limit.
    TooLarge(usize),
    /// The body took too long to arrive.
    SlowBody,
    /// Body of another type than JSON.
    UnsupportedMediaType,
    /// No such route.
    UnknownRoute,
    /// The route knows other methods.
    MethodNotAllowed,
    /// Malformed HTTP that never reached a handler.
    BadRequest,
    /// A fault of ours; the text goes to the log, not to the caller.
    Internal(String),
}

impl ApiError {
    /// One fault of a well-formed body.
    pub fn invalid(fault: impl Into<String>) -> Self {
        Self::Invalid(vec![fault.into()])
    }

    /// One value that does not keep the schema, of `body` or `query`.
    pub fn unprocessable(place: &str, field: &str, message: impl Into<String>) -> Self {
        let loc = vec![Location::Field(place.to_owned()), Location::Field(field.to_owned())];
        Self::Unprocessable(vec![ValidationDetail {
            loc,
            msg: message.into(),
            kind: "value_error".to_owned(),
        }])
    }

    /// The one table of statuses.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::UnknownPolicy(_) | Self::UnknownRequest(_) | Self::NotFound(_) | Self::UnknownRoute => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PolicyExists(_) | Self::Conflict(_) | Self::IdempotencyMismatch => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Starting
            | Self::DatabaseUnavailable
            | Self::Unavailable(_)
            | Self::NotConfigured(_)
            | Self::Overloaded
            | Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownPolicy(_) => "AWE-001",
            Self::PolicyExists(_) => "AWE-002",
            Self::UnknownRequest(_) => "AWE-003",
            Self::NotFound(_) | Self::UnknownRoute => "AWE-004",
            Self::Starting => "AWE-005",
            Self::DatabaseUnavailable => "AWE-006",
            Self::Conflict(_)
            | Self::Unavailable(_)
            | Self::NotConfigured(_)
            | Self::Overloaded
            | Self::TooManyRequests
            | Self::TimedOut => "AWE-007",
            Self::Unauthenticated(_) | Self::Forbidden(_) => "AWE-008",
            Self::IdempotencyMismatch => "AWE-009",
            Self::Invalid(_)
            | Self::Unprocessable(_)
            | Self::TooLarge(_)
            | Self::SlowBody
            | Self::UnsupportedMediaType
            | Self::MethodNotAllowed
            | Self::BadRequest => "AWE-010",
            Self::Denied(_) => "AWE-011",
            Self::Internal(_) => "AWE-012",
        }
    }

    /// Seconds after which to try again, where trying again is the thing to do.
    #[must_use]
    pub const fn retry_after(&self) -> Option<&'static str> {
        match self {
            Self::Starting | Self::DatabaseUnavailable | Self::Unavailable(_) | Self::TimedOut => Some("2"),
            Self::Overloaded => Some("1"),
            // When one more call is admitted, at the latest.
            Self::TooManyRequests => Some("6"),
            _ => None,
        }
    }

    /// What to tell, one message a fault.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::UnknownPolicy(text)
            | Self::PolicyExists(text)
            | Self::UnknownRequest(text)
            | Self::NotFound(text)
            | Self::Conflict(text)
            | Self::NotConfigured(text)
            | Self::Denied(text)
            | Self::Forbidden(text) => one(text),
            Self::Unavailable(text) => vec![format!("{text}; a retry is safe")],
            Self::Starting => one("the service is starting; a retry is safe"),
            Self::DatabaseUnavailable => one(
                "the database cannot be reached; a retry is safe (give creates an Idempotency-Key: the outcome of \
                 this one may be unknown)",
            ),
            Self::Overloaded => one("too many requests at once; nothing was done, a retry is safe"),
            Self::TooManyRequests => {
                one("too many such requests by this caller; nothing was done, a retry is safe")
            }
            Self::TimedOut => one(
                "not finished in time, the outcome is unknown; a retry is safe (give creates an Idempotency-Key)",
            ),
            Self::Unauthenticated(text) => one(text),
            Self::IdempotencyMismatch => one("the Idempotency-Key was used with another body"),
            Self::Invalid(faults) => faults.clone(),
            Self::Unprocessable(details) => details.iter().map(told).collect(),
            Self::SlowBody => one("the body did not arrive in time; nothing was done, a retry is safe"),
            Self::TooLarge(limit) => vec![format!("the body is larger than {limit} bytes")],
            Self::UnsupportedMediaType => one("the body must be JSON: send content-type application/json"),
            Self::UnknownRoute => one("no such route; see /v1/awe/docs"),
            Self::MethodNotAllowed => one("the route does not know this method; see the Allow header"),
            Self::BadRequest => one("the request is malformed"),
            Self::Internal(_) => one(
                "an internal fault, the outcome is unknown; a retry is safe (give creates an Idempotency-Key)",
            ),
        }
    }
}

fn told(detail: &ValidationDetail) -> String {
    let mut path = String::new();
    for step in &detail.loc {
        match step {
            Location::Field(name) if path.is_empty() => path.push_str(name),
            Location::Field(name) => path.extend([".", name]),
            Location::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    format!("{path}: {}", detail.msg)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Internal(cause) = &self {
            tracing::error!(cause, "a request failed for a fault of ours");
        }
        let mut response = self.status().into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if matches!(self, Self::Unauthenticated(_)) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
