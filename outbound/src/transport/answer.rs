//! What is kept of a receiver's response: its status, a bounded and redacted head, and the first bytes of its body.

use super::retry_after;
use crate::http_pool::{BodyEnd, read_body};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Bytes of the body that are read, and how long that may take: the status alone decides, the body only explains.
const EXCERPT: usize = 1024;
const EXCERPT_WITHIN: Duration = Duration::from_secs(2);
/// Headers that are kept, and bytes of each value.
const HEADERS: usize = 40;
const VALUE: usize = 256;

/// A header whose name contains one of these words may hold a secret.
const SECRET: [&str; 9] =
    ["auth", "cookie", "token", "secret", "key", "password", "session", "credential", "signature"];

/// Replaces what was taken out.
const REDACTED: &str = "[redacted]";
/// When a text ends with at least this many first bytes of a secret, these are taken for a secret that was cut off.
const BEGINNING: usize = 4;

/// The response of a receiver.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` as a pause from now, whether it was given in seconds or as a date.
    pub retry_after: Option<Duration>,
    /// The first headers by lower-case name, each value cut; values that may be secret are `[redacted]`.
    pub headers: BTreeMap<String, String>,
    /// The first bytes of the body, as text.
    pub excerpt: String,
}

impl Answer {
    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// Reads what is kept of a response. When its body breaks off or stalls, the part that arrived is kept. `secret` is the
/// credential that was sent; it is taken out where the receiver echoes it.
pub(super) async fn read(mut response: reqwest::Response, secret: Option<&str>, deadline: Instant) -> Answer {
    let asked = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok());
    let retry_after = asked.and_then(|text| retry_after::parse(text, SystemTime::now()));
    let headers = kept(response.headers(), secret);
    let mut body = Vec::new();
    let until = deadline.min(Instant::now() + EXCERPT_WITHIN);
    let _: BodyEnd = read_body(&mut response, EXCERPT, until, &mut body).await;
    body.truncate(EXCERPT);
    Answer { status: response.status().as_u16(), retry_after, headers, excerpt: without(secret, text(&body)) }
}

fn kept(headers: &HeaderMap, secret: Option<&str>) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for (name, value) in headers.iter().take(HEADERS) {
        let name = name.as_str();
        let shown = if SECRET.iter().any(|word| name.contains(word)) {
            REDACTED.to_owned()
        } else {
            let value = value.as_bytes();
            without(secret, text(&value[..value.len().min(VALUE)]))
        };
        kept.entry(name.to_owned()).or_insert(shown);
    }
    kept
}

/// The text without the secret, even where the end of the text cuts the secret off.
fn without(secret: Option<&str>, text: String) -> String {
    let Some(secret) = secret.filter(|secret| !secret.is_empty()) else { return text };
    let mut text = text.replace(secret, REDACTED);
    let beginnings = (BEGINNING..secret.len()).rev().filter_map(|length| secret.get(..length));
    if let Some(rest) = beginnings.filter_map(|beginning| text.strip_suffix(beginning)).next().map(str::len) {
        text.truncate(rest);
        text.push_str(REDACTED);
    }
    text
}

/// The bytes as text that Postgres can store: it accepts NUL neither in text nor in JSON.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    #[test]
    fn headers_that_may_hold_secrets_are_redacted_and_all_are_bounded() {
        let mut headers = HeaderMap::new();
        let long = "x".repeat(5000);
        for (name, value) in [
            ("content-type", "text/plain"),
            ("set-cookie", "session=abc"),
            ("authorization", "Bearer abc"),
            ("www-authenticate", "Bearer error=abc"),
            ("proxy-authorization", "abc"),
            ("x-api-key", "abc"),
            ("x-csrf-token", "abc"),
            ("server", long.as_str()),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let kept = kept(&headers, None);
        assert_eq!(kept["content-type"], "text/plain");
        assert_eq!(kept["server"].len(), VALUE);
        assert!(!kept.values().any(|value| value.contains("abc")), "{kept:?}");
        assert_eq!(kept.values().filter(|value| *value == "[redacted]").count(), 6);
    }

    #[test]
    fn a_secret_that_is_echoed_is_taken_out_also_where_the_text_ends_inside_it() {
        let secret = "s3cr3t-token";
        let cases = [
            ("got Bearer s3cr3t-token, and s3cr3t-token", "got Bearer [redacted], and [redacted]"),
            ("got Bearer s3cr3t-tok", "got Bearer [redacted]"),
            ("got Bearer s3cr", "got Bearer [redacted]"),
            ("ends with s3c", "ends with s3c"),
            ("nothing", "nothing"),
            ("", ""),
        ];
        for (given, expected) in cases {
            assert_eq!(without(Some(secret), given.to_owned()), expected);
        }
        assert_eq!(without(None, secret.to_owned()), secret);
        assert_eq!(without(Some(""), secret.to_owned()), secret);
        let mut headers = HeaderMap::new();
        let echo = HeaderValue::from_str(&format!("{}{secret}", "x".repeat(VALUE - 6))).unwrap();
        headers.insert("server", echo);
        assert!(kept(&headers, Some(secret))["server"].ends_with("xx[redacted]"));
    }
}
