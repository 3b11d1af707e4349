//! One POST, kept within bounds.

use crate::egress::{Egress, GuardedResolver};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use std::sync::Arc;
use std::time::Duration;

/// At most this much of an answer is read.
const EXCERPT: usize = 1024;

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
    /// `Retry-After` in seconds, when it was given so.
    pub retry_after: Option<Duration>,
    /// The first bytes of the body, as text.
    pub excerpt: String,
}

/// Why there was no answer, in words fit for operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The guard refused the address.
    #[error("refused: {0}")]
    Refused(String),
    /// No complete answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The connection could not be made or broke.
    #[error("{0}")]
    Connection(String),
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
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(GuardedResolver(egress.clone())))
            .connect_timeout(timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(16)
            .user_agent(concat!("awe/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| chain(&e))?;
        Ok(Self { client, egress, timeout })
    }

    /// Sends and reads at most the first KiB of the answer.
    ///
    /// # Errors
    /// [`Failure`]; an answer of any status is not a failure here.
    pub async fn post(&self, post: Post) -> Result<Answer, Failure> {
        let url = self.egress.check_url(&post.url).map_err(Failure::Refused)?;
        let mut headers = HeaderMap::with_capacity(post.headers.len() + 1);
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        for (name, value) in post.headers {
            let refused = |e: &dyn std::fmt::Display| Failure::Refused(format!("header {name}: {e}"));
            let value = HeaderValue::from_str(&value).map_err(|e| refused(&e))?;
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|e| refused(&e))?, value);
        }
        let call = self.client.post(url).headers(headers).body(post.body).send();
        match tokio::time::timeout(self.timeout, read(call)).await {
            Ok(answer) => answer.map_err(|e| Failure::Connection(chain(&e))),
            Err(_) => Err(Failure::Timeout(self.timeout)),
        }
    }
}

async fn read(
    call: impl Future<Output = Result<reqwest::Response, reqwest::Error>>,
) -> Result<Answer, reqwest::Error> {
    let mut response = call.await?;
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|v| v.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let mut body = Vec::new();
    while body.len() < EXCERPT {
        let Some(chunk) = response.chunk().await? else { break };
        body.extend_from_slice(&chunk);
    }
    body.truncate(EXCERPT);
    // Postgres keeps no NUL in text.
    let excerpt = String::from_utf8_lossy(&body).replace('\0', "\u{fffd}");
    Ok(Answer { status: response.status().as_u16(), retry_after, excerpt })
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
