//! The body of every answer that is not 2xx.

use super::ApiError;
use crate::state::AppState;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemas::api::{ErrorDetail, ErrorEnvelope};
use std::any::Any;
use time::OffsetDateTime;

/// Gives every answer from 400 on its envelope.
#[must_use]
pub fn enveloped(mut response: Response, state: &AppState) -> Response {
    if response.status().as_u16() < 400 {
        return response;
    }
    let error = response.extensions_mut().remove().unwrap_or_else(|| from_status(response.status()));
    let mut enveloped = (error.status(), Json(body(&error, state))).into_response();
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            enveloped.headers_mut().append(name, value.clone());
        }
    }
    enveloped
}

fn body(error: &ApiError, state: &AppState) -> ErrorEnvelope {
    let detail = match error {
        ApiError::Unprocessable(detail) => Some(detail.clone()),
        _ => None,
    };
    let errors = error.messages().into_iter();
    ErrorEnvelope {
        id: state.config().service_id.clone(),
        version: state.config().api_version.clone(),
        responsetime: OffsetDateTime::now_utc(),
        response: None,
        errors: errors.map(|message| ErrorDetail { error_code: error.code().to_owned(), message }).collect(),
        detail,
    }
}

/// For answers that no handler of ours made.
fn from_status(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::UnknownRoute,
        StatusCode::METHOD_NOT_ALLOWED => ApiError::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge(0),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::UnsupportedMediaType,
        status if status.is_client_error() => ApiError::BadRequest,
        status => ApiError::Internal(format!("answered {status} without saying why")),
    }
}

/// A handler that panicked: the caller gets an envelope, the log the panic.
#[must_use]
pub fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let text = payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "no message".to_owned());
    ApiError::Internal(format!("panic: {text}")).into_response()
}
