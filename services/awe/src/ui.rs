//! The UI: the files of its build, from inside of the program or from a folder.
//!
//! Files under `assets/` have the hash of what they hold in their names, so browsers keep them for ever, and one that
//! is not there is 404: a page of before an upgrade must not take the index for a script. Every other path that asks
//! for HTML gets the index, whose own router knows what to show.

mod files;
mod policy;

use crate::config::Config;
use crate::error::{ApiError, Reason};
use axum::body::Body;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use files::{File, Files};
use std::sync::Arc;

const INDEX: &str = "index.html";
const ASSETS: &str = "assets/";
/// What the build writes where a nonce belongs.
const NONCE: &str = "AWE_CSP_NONCE";
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
const NEVER: HeaderValue = HeaderValue::from_static("no-store");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The hash of the UI that this program carries; `None` when it was built without one.
#[must_use]
pub fn embedded_hash() -> Option<&'static str> {
    Some(env!("AWE_UI_HASH")).filter(|hash| !hash.is_empty())
}

/// Serves the UI.
#[derive(Debug, Clone)]
pub struct Ui {
    files: Files,
    /// Where people sign in: the page may call it.
    issuer: Arc<str>,
}

impl Ui {
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let issuer = policy::origin(&config.keycloak.issuer).unwrap_or_default();
        Self { files: Files::of(&config.ui), issuer: issuer.into() }
    }

    /// Answers what no route of the API answers.
    pub async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        let path = path.trim_start_matches('/');
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        if !is_read || is_api(path) {
            return ApiError::from(Reason::NoSuchRoute).into_response();
        }
        if path != INDEX
            && let Some(file) = self.files.read(path, wanted(headers)).await
        {
            return asset(path, file);
        }
        if path.starts_with(ASSETS) || !takes_html(headers) {
            return ApiError::from(Reason::NoSuchRoute).into_response();
        }
        self.index().await
    }

    async fn index(&self) -> Response {
        let Some(file) = self.files.read(INDEX, &[]).await else {
            return ApiError::internal("the UI has no index.html").into_response();
        };
        let nonce = policy::nonce();
        let page = String::from_utf8_lossy(&file.bytes).replace(NONCE, &nonce);
        let mut answer = Response::new(Body::from(page));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CACHE_CONTROL, NEVER);
        if let Ok(text) = HeaderValue::from_str(&policy::content_security(&nonce, &self.issuer)) {
            headers.insert(CONTENT_SECURITY_POLICY, text);
        }
        guard(headers);
        answer
    }
}

/// Paths that are never pages, whatever the caller takes.
fn is_api(path: &str) -> bool {
    path == "v1" || path.starts_with("v1/") || path == "metrics"
}

fn takes_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/html")
}

/// The encodings that both sides know, the smaller one first.
fn wanted(headers: &HeaderMap) -> &'static [(&'static str, &'static str)] {
    let accept = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes =
        |name: &str| accept.split(',').any(|one| one.split(';').next().unwrap_or_default().trim() == name);
    match (takes("br"), takes("gzip")) {
        (true, true) => &[("br", "br"), ("gz", "gzip")],
        (true, false) => &[("br", "br")],
        (false, true) => &[("gz", "gzip")],
        (false, false) => &[],
    }
}

fn asset(path: &str, file: File) -> Response {
    let mut answer = Response::new(Body::from(file.bytes));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.kind));
    headers.insert(CACHE_CONTROL, if path.starts_with(ASSETS) { FOR_EVER } else { ASK_AGAIN });
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = file.encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    guard(headers);
    answer
}

fn guard(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
}

#[cfg(test)]
mod tests;
