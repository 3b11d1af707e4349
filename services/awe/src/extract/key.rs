//! The `Idempotency-Key` of a call.

use crate::auth::Identity;
use crate::error::ApiError;
use crate::state::AppState;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use schemas::json::RawJson;
use serde::Serialize;
use store::once::Once;

/// Characters of a key.
const MAX_KEY: usize = 255;

/// The key of a call, if it has one, and the route that it was given to.
#[derive(Debug, Clone)]
pub struct Key {
    key: Option<String>,
    route: String,
}

/// What a key is bound to, as it is compared with a later call.
#[derive(Serialize)]
struct Asked<'a, T> {
    route: &'a str,
    body: &'a T,
}

impl FromRequestParts<AppState> for Key {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let route = format!("{} {}", parts.method, parts.uri.path());
        Ok(Self { key: idempotency_key(&parts.headers)?, route })
    }
}

impl Key {
    /// The key together with what is asked for under it; `None` when the call has none.
    ///
    /// # Errors
    /// The body cannot be written as JSON.
    pub fn of(&self, caller: &Identity, body: &impl Serialize) -> Result<Option<Once>, ApiError> {
        let Some(key) = self.key.clone() else { return Ok(None) };
        let asked = RawJson::of(&Asked { route: &self.route, body });
        let asked = asked.map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(Some(Once { subject: caller.subject.clone(), key, asked }))
    }
}

/// The key in the headers, if there is one.
///
/// # Errors
/// It is given twice, or is no text of 1 to 255 ASCII characters.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all("idempotency-key").iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(ApiError::invalid("header Idempotency-Key: must be given once"));
    }
    match value.to_str() {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => {
            Err(ApiError::invalid(format!("header Idempotency-Key: must be 1 to {MAX_KEY} ASCII characters")))
        }
    }
}
