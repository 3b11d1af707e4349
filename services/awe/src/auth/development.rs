//! Development mode: what a token says is believed, and its signature is not looked at. Configurations that listen
//! on more than the loopback address refuse this mode unless told otherwise.

use super::claims::Claims;
use super::refusal::AuthError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::time::Duration;
use time::OffsetDateTime;

/// Reads the claims of a JWT of any algorithm, `none` included, without looking at its signature.
pub(super) fn read(token: &str) -> Result<Claims, AuthError> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, _signature] = parts[..] else {
        return Err(AuthError::malformed("not a JWT: three parts are needed"));
    };
    let header: Map<String, Value> = part(header, "header")?;
    if !header.get("alg").is_some_and(Value::is_string) {
        return Err(AuthError::malformed("not a JWT: its header names no alg"));
    }
    let claims: Map<String, Value> = part(payload, "payload")?;
    serde_json::from_value(Value::Object(claims)).map_err(|_| AuthError::malformed("claims are malformed"))
}

fn part<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, AuthError> {
    let malformed = || AuthError::malformed(format!("not a JWT: its {name} is malformed"));
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| malformed())?;
    serde_json::from_slice(&bytes).map_err(|_| malformed())
}

/// A token that only development mode accepts.
#[must_use]
pub fn unsigned_token(subject: &str, roles: &[String], lifetime: Duration) -> String {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let exp = now.saturating_add(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX));
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = encode(json!({"alg": "none", "typ": "JWT"}));
    let claims = encode(json!({"sub": subject, "iat": now, "exp": exp, "realm_access": {"roles": roles}}));
    format!("{header}.{claims}.")
}
