//! What is wrong with a configuration, collected so that an operator sees every fault at once.

use axum::http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// A day in seconds, the upper bound of many intervals.
pub(super) const DAY: u64 = 86_400;

/// One line a fault, each beginning with the key that it is about.
#[derive(Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    pub(super) fn unless(&mut self, good: bool, key: &str, message: &str) {
        if !good {
            self.line(format!("{key}: {message}"));
        }
    }

    /// A fault whose text names its key already.
    pub(super) fn line(&mut self, line: String) {
        self.0.push(line);
    }

    pub(super) fn between(&mut self, key: &str, value: u64, low: u64, high: u64) {
        self.unless((low..=high).contains(&value), key, &format!("must be {low} to {high}, not {value}"));
    }

    pub(super) fn url(&mut self, key: &str, value: &str, schemes: &[&str]) {
        let good = Url::parse(value).is_ok_and(|url| schemes.contains(&url.scheme()) && url.has_host());
        self.unless(good, key, &format!("must be a URL beginning with {}", schemes.join(":// or ") + "://"));
    }

    pub(super) fn optional_url(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.url(key, value, &["http", "https"]);
        }
    }

    pub(super) fn header_name(&mut self, key: &str, name: &str) {
        self.unless(HeaderName::from_bytes(name.as_bytes()).is_ok(), key, "must name an HTTP header");
    }

    pub(super) fn header_value(&mut self, key: &str, value: &SecretString) {
        let good = HeaderValue::from_str(value.expose_secret()).is_ok();
        self.unless(good, key, "cannot be the value of an HTTP header");
    }

    /// # Errors
    /// The faults, if there are any.
    pub(super) fn into_result(self) -> Result<(), Vec<String>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
