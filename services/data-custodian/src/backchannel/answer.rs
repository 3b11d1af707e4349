//! Errors of the back-channel, in the form of OAuth 2.0: `{"error", "error_description"}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// An error of the back-channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorOut {
    /// `invalid_request`, `invalid_client`, `temporarily_unavailable`, `server_error`.
    #[schema(example = "invalid_request")]
    pub error: &'static str,
    /// For people: which field is wrong and how.
    pub error_description: String,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    status: StatusCode,
    body: ErrorOut,
    retry_after: Option<u64>,
}

impl Failure {
    fn new(status: StatusCode, error: &'static str, description: &str) -> Self {
        let body = ErrorOut { error, error_description: description.to_owned() };
        Self { status, body, retry_after: None }
    }

    /// 400.
    #[must_use]
    pub fn invalid(description: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "the credential of the back-channel is missing or wrong",
        )
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request", "there is nothing at this path")
    }

    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "this path does not take this method")
    }

    pub(super) fn too_large(most: usize) -> Self {
        let why = format!("the request body has more than {most} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", &why)
    }

    pub(super) fn media_type() -> Self {
        let why = "the request body must be application/json, not encoded";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", why)
    }

    pub(super) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "invalid_request", "the request body came too slowly")
    }

    pub(super) fn limited(wait: Duration) -> Self {
        let why = "this client asks for grants too fast; nothing was stored, so the call may be sent again";
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", why);
        Self { retry_after: Some(seconds.max(1)), ..failure }
    }

    /// 503.
    #[must_use]
    pub fn unavailable(description: &str) -> Self {
        let failure = Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", description);
        Self { retry_after: Some(5), ..failure }
    }

    pub(super) fn fault() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "an unexpected fault")
    }

    /// The database failed: 503 where it is away, else 500. What it said goes to the log alone.
    #[must_use]
    pub fn of_database(error: &sqlx::Error) -> Self {
        tracing::error!(%error, "the database failed");
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                Self::unavailable("the database is away; nothing was stored, so the call may be sent again")
            }
            _ => Self::fault(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"backchannel\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        // A body that was not read would be taken for the next request.
        if matches!(self.status.as_u16(), 401 | 404 | 405 | 408 | 413 | 415) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
