//! JSON bodies. A body that parses keeps its schema, because the types of `schemas` check their own limits.

mod shape;

use super::detail;
use super::numbers::first_inexact;
use crate::error::{ApiError, Reason};
use crate::state::AppState;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use schemas::api::{Location, ValidationDetail};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// JSON values that a body may hold, unless the configuration allows larger contexts.
const MOST_VALUES: usize = 50_000;

/// A body that the route needs.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

/// A body that may be absent; the default stands in for it.
#[derive(Debug, Clone)]
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let bytes = read(request, state).await?;
        if !json {
            return Err(Reason::NotJson.into());
        }
        parse(&bytes, most_values(state)).map(Self)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<AppState> for OptionalBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let bytes = read(request, state).await?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        if !json {
            return Err(Reason::NotJson.into());
        }
        parse(&bytes, most_values(state)).map(Self)
    }
}

/// A body must be able to hold a context of the largest configured size, and 1000 values around it.
fn most_values(state: &AppState) -> usize {
    MOST_VALUES.max(state.config().requests.max_context_values + 1000)
}

async fn read(request: Request, state: &AppState) -> Result<Bytes, ApiError> {
    // The server has read it into memory already, within the same bound (`crate::server`).
    let limit = state.config().server.max_body_bytes;
    axum::body::to_bytes(request.into_body(), limit).await.map_err(|_| Reason::MalformedHttp.into())
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8], most: usize) -> Result<T, ApiError> {
    // Serde would read a struct from an array too, by position.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(refused(
            vec![Location::Field("body".to_owned())],
            "must be a JSON object",
            "value_error",
        ));
    }
    // Values are counted before any is kept, because many small values take far more memory than their text. Text that
    // is no JSON passes here and is refused by the parser below.
    if shape::count(bytes, most).is_err_and(|fault| fault.is_data()) {
        let message = format!("must hold at most {most} JSON values");
        return Err(refused(vec![Location::Field("body".to_owned())], &message, "value_error"));
    }
    // Postgres cannot store U+0000, and JSON can express it only by this escape.
    if bytes.windows(6).any(|six| six == br"\u0000") {
        refuse_nul(bytes)?;
    }
    if let Some(inexact) = first_inexact(bytes) {
        let message = inexact.message();
        return Err(refused(inexact.loc, &message, "value_error"));
    }
    // The plain parser is much faster than the one that tracks paths, so that one only explains a failure.
    serde_json::from_slice(bytes).or_else(|_| parse_slowly(bytes))
}

fn parse_slowly<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (syntax, message) =
            (error.inner().is_syntax() || error.inner().is_eof(), error.inner().to_string());
        let mut detail = detail("body", error.path(), &message);
        if syntax {
            detail.loc.truncate(1);
            "json_invalid".clone_into(&mut detail.kind);
        }
        ApiError::faulty(Reason::FaultyBody, vec![detail])
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(parsed)
}

fn malformed(error: &serde_json::Error) -> ApiError {
    refused(vec![Location::Field("body".to_owned())], &error.to_string(), "json_invalid")
}

fn refused(loc: Vec<Location>, message: &str, kind: &str) -> ApiError {
    let detail = ValidationDetail { loc, msg: message.to_owned(), kind: kind.to_owned() };
    ApiError::faulty(Reason::FaultyBody, vec![detail])
}

fn refuse_nul(bytes: &[u8]) -> Result<(), ApiError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    let mut loc = vec![Location::Field("body".to_owned())];
    if !find_nul(&value, &mut loc) {
        return Ok(());
    }
    Err(refused(loc, "must not contain the character U+0000", "value_error"))
}

/// Whether there is a U+0000; `loc` then leads to the first one.
fn find_nul(value: &Value, loc: &mut Vec<Location>) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().enumerate().any(|(index, item)| {
            loc.push(Location::Index(index as u64));
            find_nul(item, loc) || loc.pop().is_none()
        }),
        Value::Object(map) => map.iter().any(|(key, item)| {
            // A key that holds one must not be repeated, so the object around it is named.
            if key.contains('\0') {
                return true;
            }
            loc.push(Location::Field(key.clone()));
            find_nul(item, loc) || loc.pop().is_none()
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
