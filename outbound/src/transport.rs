//! Webhook delivery: one POST to a receiver whose URL a user has set, within bounds of time and size.

mod answer;
mod authorized;
mod retry_after;
#[cfg(test)]
mod tests;

pub use answer::Answer;

use crate::credential::Authorization;
use crate::egress::{Egress, Lookup, system_lookup};
use crate::failure::Failure;
use crate::http_pool::{SetupError, guarded_builder};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The POST to send.
#[derive(Debug, Clone)]
pub struct Post {
    /// URL of the receiver; the guard checks it again before it is used.
    pub url: String,
    /// Headers besides `content-type: application/json`.
    pub headers: Vec<(&'static str, String)>,
    /// The exact bytes of the body.
    pub body: Vec<u8>,
}

/// A client with a pool of connections to receivers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Transport {
    client: reqwest::Client,
    egress: Egress,
    timeout: Duration,
}

impl Transport {
    /// A transport that calls only what `egress` allows. Its calls end after `timeout`, whatever the receiver does.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(egress: Egress, timeout: Duration) -> Result<Self, SetupError> {
        Self::with_lookup(egress, timeout, system_lookup())
    }

    fn with_lookup(egress: Egress, timeout: Duration, lookup: Lookup) -> Result<Self, SetupError> {
        let client = guarded_builder(egress.clone(), lookup).connect_timeout(timeout).build()?;
        Ok(Self { client, egress, timeout })
    }

    /// Sends a POST and reads up to one KiB of the response body.
    ///
    /// # Errors
    /// [`Failure`] when no response head arrives. A response of any status is a success here, whatever happens to its
    /// body.
    pub async fn post(&self, post: Post) -> Result<Answer, Failure> {
        self.send(post, None, Instant::now() + self.timeout).await
    }

    async fn send(
        &self,
        post: Post,
        authorization: Option<&Authorization>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let url = self.egress.check_url(&post.url)?;
        let mut headers = HeaderMap::with_capacity(post.headers.len() + 2);
        // Inserted first, so that the POST's own headers replace it: no credential may pass for a signature.
        if let Some(Authorization { name, value, .. }) = authorization {
            headers.insert(name, value.clone());
        }
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        for (name, value) in post.headers {
            let refused = |e: &dyn std::fmt::Display| Failure::Refused(format!("header {name}: {e}"));
            let value = HeaderValue::from_str(&value).map_err(|e| refused(&e))?;
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|e| refused(&e))?, value);
        }
        let call = self.client.post(url).headers(headers).body(post.body).send();
        let secret = authorization.map(|authorization| authorization.secret.expose_secret());
        match timeout_at(deadline, call).await {
            Ok(Ok(response)) => Ok(answer::read(response, secret, deadline).await),
            Ok(Err(error)) => Err(Failure::of(error)),
            Err(_) => Err(Failure::Timeout(self.timeout)),
        }
    }
}
