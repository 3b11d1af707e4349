//! One POST, kept within bounds.

mod answer;
mod authorized;
mod retry_after;
#[cfg(test)]
mod tests;

use crate::credential::Authorization;
use crate::egress::{Egress, GuardedResolver, Lookup, NoAllowedAddress, system_lookup};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What to send.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where to; checked again before it is used.
    pub url: String,
    /// Headers besides `content-type: application/json`.
    pub headers: Vec<(&'static str, String)>,
    /// The exact bytes.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, given in seconds or as a date: from now.
    pub retry_after: Option<Duration>,
    /// The head, by lower-case name, bounded; what may be secret is `[redacted]`.
    pub headers: BTreeMap<String, String>,
    /// The first bytes of the body, as text.
    pub excerpt: String,
}

impl Answer {
    /// 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// Why there was no answer, in words fit for operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The guard refused the address.
    #[error("refused: {0}")]
    Refused(String),
    /// No answer in time: not even its head.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The connection could not be made or broke.
    #[error("{0}")]
    Connection(String),
    /// The head of a success came, and the body that mattered did not.
    #[error("answered {status}, but the body {why}")]
    Cut {
        /// HTTP status.
        status: u16,
        /// What became of the body.
        why: String,
    },
    /// There is nothing to make AWE known with: the credential is not configured, or no token was got with it.
    #[error("{0}")]
    Credential(String),
    /// A fault of this program.
    #[error("{0}")]
    Internal(String),
}

/// A pool of connections to receivers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Transport {
    client: reqwest::Client,
    egress: Egress,
    timeout: Duration,
}

impl Transport {
    /// A transport whose calls end after `timeout`, whatever the receiver does.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(egress: Egress, timeout: Duration) -> Result<Self, String> {
        Self::with_lookup(egress, timeout, system_lookup())
    }

    fn with_lookup(egress: Egress, timeout: Duration, lookup: Lookup) -> Result<Self, String> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(GuardedResolver::with_lookup(egress.clone(), lookup)))
            .connect_timeout(timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(16)
            .user_agent(concat!("awe/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| chain(&e))?;
        Ok(Self { client, egress, timeout })
    }

    /// Sends and reads at most the first KiB of the answer, as much of it as comes.
    ///
    /// # Errors
    /// [`Failure`]; an answer of any status is not a failure here, and it is one once its head has come.
    pub async fn post(&self, post: Post) -> Result<Answer, Failure> {
        self.send(post, None, Instant::now() + self.timeout).await
    }

    async fn send(
        &self,
        post: Post,
        authorization: Option<&Authorization>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let url = self.egress.check_url(&post.url).map_err(Failure::Refused)?;
        let mut headers = HeaderMap::with_capacity(post.headers.len() + 2);
        // Before the others, which replace it: no credential may pass for a signature.
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
            // The query of a URL may hold what nobody else may know.
            Ok(Err(error)) => Err(failure(&error.without_url())),
            Err(_) => Err(Failure::Timeout(self.timeout)),
        }
    }
}

/// What the guard refuses while connecting comes wrapped as a failed connection.
pub(crate) fn failure(error: &reqwest::Error) -> Failure {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<NoAllowedAddress>() {
            return Failure::Refused(cause.to_string());
        }
        source = cause.source();
    }
    Failure::Connection(chain(error))
}

/// An error with its causes: the outer text alone says only "error sending request".
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
