//! Reads calls: who calls, the body, the query, the path. Whatever is wrong with one is told in the envelope.

use crate::app::App;
use crate::auth::Caller;
use crate::error::{ApiError, Code};
use axum::body::{Body as Raw, Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Query as RawQuery, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use std::error::Error as _;
use std::time::Duration;
use uuid::Uuid;

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = value.and_then(|value| value.split_once(' '));
        match bearer {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                app.auth.caller(token.trim()).await
            }
            _ => Err(ApiError::new(Code::Token, "a bearer token is needed")),
        }
    }
}

/// A body of JSON.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let kind =
            parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.to_ascii_lowercase().starts_with("application/json") {
            let wrong = ApiError::schema("send content-type: application/json");
            return Err(wrong.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes = whole(app, body, app.settings.server.max_body_bytes).await?;
        let read =
            serde_json::from_slice(&bytes).map_err(|error| ApiError::schema(format!("body: {error}")))?;
        Ok(Self(read))
    }
}

/// The bytes of a body as they came.
///
/// # Errors
/// 413 past `most` bytes, 408 when they come too slowly, 400 when the connection broke.
pub async fn whole(app: &App, body: Raw, most: usize) -> Result<Bytes, ApiError> {
    let within = Duration::from_secs(app.settings.server.body_timeout_seconds);
    let refused = |why: &str, status| ApiError::schema(why).with_status(status);
    let Ok(read) = tokio::time::timeout(within, to_bytes(body, most)).await else {
        return Err(refused("the body did not arrive in time", StatusCode::REQUEST_TIMEOUT));
    };
    read.map_err(|error| {
        // The limit is told by the source of the error alone.
        match error.source().map(ToString::to_string) {
            Some(why) if why.contains("length limit") => {
                refused(&format!("the body is longer than {most} bytes"), StatusCode::PAYLOAD_TOO_LARGE)
            }
            _ => refused("the body broke off", StatusCode::BAD_REQUEST),
        }
    })
}

/// The query; an unknown parameter is refused.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let read = RawQuery::<T>::try_from_uri(&parts.uri);
        read.map(|RawQuery(query)| Self(query)).map_err(|error| ApiError::schema(error.body_text()))
    }
}

/// The id in the path; what is no id is no change request.
pub struct Id(pub Uuid);

impl FromRequestParts<App> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let unknown = || ApiError::new(Code::UnknownChangeRequest, "there is no such change request");
        let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| unknown())?;
        let id = path.iter().next().and_then(|(_, id)| Uuid::try_parse(id).ok());
        id.map(Self).ok_or_else(unknown)
    }
}

/// The `Idempotency-Key`: 1 to 255 visible ASCII characters.
///
/// # Errors
/// REG-010.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    key.map(Some).ok_or_else(|| ApiError::schema("Idempotency-Key must be 1 to 255 ASCII characters"))
}

/// Checks a text of a body or query: 1 to `most` characters, none of them a control character.
///
/// # Errors
/// REG-010.
pub fn line(field: &str, text: &str, most: usize) -> Result<(), ApiError> {
    let fits = !text.is_empty() && text.chars().count() <= most && !text.contains(char::is_control);
    let wrong =
        || ApiError::schema(format!("{field} must have 1 to {most} characters, no control characters"));
    if fits { Ok(()) } else { Err(wrong()) }
}

/// Checks a text of several lines, for people.
///
/// # Errors
/// REG-010.
pub fn prose(field: &str, text: Option<&str>) -> Result<(), ApiError> {
    let fits = text.is_none_or(|text| text.chars().count() <= 2000 && !text.contains('\0'));
    let wrong = || ApiError::schema(format!("{field} must have at most 2000 characters, none of them NUL"));
    if fits { Ok(()) } else { Err(wrong()) }
}
