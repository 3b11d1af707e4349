//! The body of every answer that is not 2xx.

use super::{ApiError, Reason};
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
    let reason = error.reason;
    let told = |message: &String| ErrorDetail {
        error_code: reason.code().to_owned(),
        message: message.clone(),
        reason,
    };
    ErrorEnvelope {
        id: state.config().service_id.clone(),
        version: state.config().api_version.clone(),
        responsetime: OffsetDateTime::now_utc(),
        response: None,
        errors: error.messages.iter().map(told).collect(),
        oldest_cursor: error.oldest_cursor.clone(),
        detail: (!error.detail.is_empty()).then(|| error.detail.clone()),
    }
}

/// The error of an answer that no handler made: the framework gives only a status.
fn from_status(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => Reason::NoSuchRoute.into(),
        StatusCode::METHOD_NOT_ALLOWED => Reason::MethodNotAllowed.into(),
        StatusCode::PAYLOAD_TOO_LARGE => Reason::BodyTooLarge.into(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Reason::NotJson.into(),
        status if status.is_client_error() => Reason::MalformedHttp.into(),
        status => ApiError::internal(format!("answered {status} without saying why")),
    }
}

/// The answer for a handler that panicked; the panic's message goes to the log only.
#[must_use]
pub fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let text = payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "no message".to_owned());
    ApiError::internal(format!("panic: {text}")).into_response()
}
