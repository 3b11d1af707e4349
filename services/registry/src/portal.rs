//! The staff portal: the files of its build, from inside of the program.
//!
//! Files under `assets/` have the hash of what they hold in their names, so browsers keep them for ever, and one that is
//! not there is 404. Every other path that asks for HTML gets the page, whose own router knows what to show.

use crate::error::ApiError;
use axum::body::Body;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use reqwest::Url;
use rust_embed::RustEmbed;
use std::path::Path;
use uuid::Uuid;

/// A build of the portal, or the placeholder.
#[derive(RustEmbed)]
#[folder = "$REGISTRY_PORTAL_DIR"]
struct Files;

const INDEX: &str = "index.html";
const ASSETS: &str = "assets/";
/// What the build writes where a nonce belongs.
const NONCE: &str = "AWE_CSP_NONCE";
/// What is served beside the page; a file of another kind that got into a build stays private.
const KINDS: [(&str, &str); 3] =
    [("js", "text/javascript; charset=utf-8"), ("css", "text/css; charset=utf-8"), ("svg", "image/svg+xml")];

/// Answers what no route of the API answers. `issuer`: where people sign in; the page may call it.
pub fn answer(issuer: &str, method: &Method, path: &str, headers: &HeaderMap) -> Response {
    let path = path.trim_start_matches('/');
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    let is_api = path == "v1" || path.starts_with("v1/");
    let file = asset(path, headers).filter(|_| is_read && !is_api);
    let wants_page = is_read && !is_api && !path.starts_with(ASSETS) && says(headers, &ACCEPT, "text/html");
    let mut answer = match file {
        Some(file) => file,
        None if wants_page => page(issuer),
        None => {
            return ApiError::schema("there is no such route")
                .with_status(StatusCode::NOT_FOUND)
                .into_response();
        }
    };
    let guards = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in guards {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The page with a nonce of its own: nothing but our files runs in it, and it calls nobody but us and the issuer.
fn page(issuer: &str) -> Response {
    let nonce = Uuid::new_v4().simple().to_string();
    let text = Files::get(INDEX).map(|file| file.data).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).replace(NONCE, &nonce);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self' {}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        origin(issuer)
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, policy.as_str()),
    ];
    (headers, text).into_response()
}

/// Scheme, host and port of a URL; empty when it is none.
fn origin(url: &str) -> String {
    let origin = Url::parse(url).map(|url| url.origin()).ok().filter(|origin| origin.is_tuple());
    origin.map(|origin| origin.ascii_serialization()).unwrap_or_default()
}

fn asset(path: &str, headers: &HeaderMap) -> Option<Response> {
    let ending = Path::new(path).extension()?.to_str()?;
    let (_, kind) = KINDS.iter().find(|(known, _)| *known == ending)?;
    let packed = [("br", "br"), ("gz", "gzip")].into_iter().find_map(|(ending, name)| {
        let file =
            says(headers, &ACCEPT_ENCODING, name).then(|| Files::get(&format!("{path}.{ending}")))??;
        Some((file, Some(name)))
    });
    let (file, encoding) = packed.or_else(|| Some((Files::get(path)?, None)))?;
    let kept = if path.starts_with(ASSETS) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = [(CONTENT_TYPE, *kind), (CACHE_CONTROL, kept), (VARY, "accept-encoding")];
    let mut answer = (known, Body::from(file.data)).into_response();
    if let Some(name) = encoding {
        answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    Some(answer)
}

/// Whether a header that lists things names this one.
fn says(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let listed = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    listed.split(',').any(|one| one.split(';').next().unwrap_or_default().trim() == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example.org:8443/realms/staff";

    fn get(path: &str, accept: &'static str) -> Response {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        answer(ISSUER, &Method::GET, path, &headers)
    }

    #[test]
    fn any_path_of_a_person_is_the_page_with_a_nonce_of_its_own() {
        let (first, second) = (get("/my-approvals", "text/html,*/*;q=0.8"), get("/", "text/html"));
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[CACHE_CONTROL], "no-store");
        let policy = first.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("connect-src 'self' https://id.example.org:8443;"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_ne!(first.headers()[CONTENT_SECURITY_POLICY], second.headers()[CONTENT_SECURITY_POLICY]);
    }

    #[test]
    fn what_is_missing_is_never_the_page() {
        for path in ["/assets/gone-1.js", "/v1", "/v1/registry/nothing"] {
            assert_eq!(get(path, "text/html").status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(get("/my-approvals", "application/json").status(), StatusCode::NOT_FOUND);
        let posted = answer(ISSUER, &Method::POST, "/", &HeaderMap::new());
        assert_eq!(posted.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn without_an_issuer_only_we_are_called() {
        assert_eq!(origin(""), "");
        assert_eq!(origin("data:x"), "");
    }
}
