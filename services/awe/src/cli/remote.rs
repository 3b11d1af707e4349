//! A running server, called over HTTP as any other client calls it.

use anyhow::{Context as _, bail};
use axum::http::StatusCode;
use outbound::{Call, Client, Method, Reply};
use schemas::api::ErrorEnvelope;
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::Url;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read: more than the largest list holds.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// The server at one URL, and the token that it is called with.
pub(super) struct RemoteServer {
    client: Client,
    base: String,
    token: Option<SecretString>,
    timeout: Duration,
}

/// An answer of the server, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    body: Vec<u8>,
}

impl RemoteServer {
    pub(super) fn new(url: &str, token: Option<String>) -> anyhow::Result<Self> {
        Url::parse(url).with_context(|| format!("{url} is no URL"))?;
        let client = Client::trusted()?;
        let base = format!("{}/v1/awe", url.trim_end_matches('/'));
        Ok(Self { client, base, token: token.map(SecretString::from), timeout: TIMEOUT })
    }

    pub(super) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The full URL of a path below `/v1/awe`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Calls a path below `/v1/awe`. The error names the URL.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<Answer> {
        let sent = self.try_send(method, path, body).await;
        sent.with_context(|| format!("{} does not answer", self.url(path)))
    }

    /// The same with an error that names no URL.
    pub(super) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<Answer> {
        let mut call = Call::new(method, self.url(path), self.timeout, MAX_ANSWER);
        if let Some(token) = &self.token {
            call = call.bearer(token)?;
        }
        if let Some(body) = body {
            call = call.body("application/json", serde_json::to_vec(body)?);
        }
        let Reply { status, body, complete } = self.client.send(call).await?;
        let status = StatusCode::from_u16(status)?;
        anyhow::ensure!(complete || !status.is_success(), "more than {MAX_ANSWER} bytes came");
        Ok(Answer { status, body })
    }
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.body).context("the server's answer is not understood")
    }

    /// The content of a success.
    ///
    /// # Errors
    /// The server's own words about what is wrong.
    pub(super) fn success<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        let status = self.status;
        if status.is_success() {
            return self.json();
        }
        match serde_json::from_slice::<ErrorEnvelope>(&self.body) {
            Ok(envelope) => {
                let errors = envelope.errors.iter();
                let lines = errors.map(|error| format!("{} {}", error.error_code, error.message));
                bail!("refused ({status}):\n  {}", lines.collect::<Vec<_>>().join("\n  "))
            }
            Err(_) => bail!("the server answered {status}"),
        }
    }
}
