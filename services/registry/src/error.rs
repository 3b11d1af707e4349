//! The one envelope of errors: `{"errorCode": "REG-0nn", "message": "..."}`.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// What is wrong, as a code that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    UnknownChangeRequest = 1,
    UnknownSection = 2,
    UnknownRecord = 3,
    NotGated = 4,
    Permission = 5,
    Token = 6,
    Terminal = 7,
    NoTask = 8,
    OlderPending = 9,
    Schema = 10,
    AweAway = 11,
    AweRefused = 12,
    KeyReused = 13,
    Fault = 14,
}

impl Code {
    const fn status(self) -> StatusCode {
        match self {
            Self::UnknownChangeRequest | Self::UnknownSection | Self::UnknownRecord | Self::NotGated => {
                StatusCode::NOT_FOUND
            }
            Self::Permission => StatusCode::FORBIDDEN,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Terminal | Self::NoTask | Self::OlderPending | Self::KeyReused => StatusCode::CONFLICT,
            Self::Schema => StatusCode::UNPROCESSABLE_ENTITY,
            Self::AweAway => StatusCode::SERVICE_UNAVAILABLE,
            Self::AweRefused => StatusCode::BAD_GATEWAY,
            Self::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The body of every answer that is not 2xx.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// `REG-001` to `REG-014`.
    #[serde(rename = "errorCode")]
    #[schema(example = "REG-007")]
    pub error_code: String,
    /// For people; may change.
    pub message: String,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub code: Code,
    pub status: StatusCode,
    pub message: String,
    /// Seconds until the same call may be sent again; nothing was done.
    pub retry_after: Option<u64>,
}

impl ApiError {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, status: code.status(), message: message.into(), retry_after: None }
    }

    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// 503: nothing was done, and the same call may be sent again after so many seconds.
    #[must_use]
    pub fn again_after(self, seconds: u64) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, retry_after: Some(seconds), ..self }
    }

    pub fn schema(message: impl Into<String>) -> Self {
        Self::new(Code::Schema, message)
    }

    pub fn permission(needed: &str) -> Self {
        Self::new(Code::Permission, format!("{needed} is needed"))
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                tracing::warn!(%error, "the database is away");
                Self::new(Code::Fault, "the database is away; retry with the same Idempotency-Key")
                    .again_after(5)
            }
            // A lock or a statement that took too long, a deadlock: nothing was done.
            sqlx::Error::Database(ref refused)
                if matches!(refused.code().as_deref(), Some("55P03" | "57014" | "40P01" | "40001")) =>
            {
                tracing::warn!(%error, "a statement was given up");
                Self::new(Code::Fault, "somebody else works on the same change request; retry").again_after(1)
            }
            _ => {
                tracing::error!(%error, "the database refused a statement");
                Self::new(Code::Fault, "a fault of this service; its log has the cause")
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody { error_code: format!("REG-{:03}", self.code as u8), message: self.message };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
