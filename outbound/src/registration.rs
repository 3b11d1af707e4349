//! The registration webhook: tells an endpoint of the operator what was registered, changed or removed.
//!
//! It is sent once, after the write: the writer neither waits for it nor learns that it failed. The webhook of approval
//! events, in contrast, is durable and signed.

use crate::client::{Call, Client, Method};
use crate::failure::Failure;
use crate::http_pool::SetupError;
use crate::sanitize::sanitized;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

/// Concurrent notifications; further ones are dropped and logged.
const MOST: usize = 64;

/// The endpoint that is told, and how.
#[derive(Debug, Clone)]
pub struct RegistrationOptions {
    /// URL of the endpoint; empty turns the webhook off.
    pub url: String,
    /// Name of the header that carries the token.
    pub auth_header: String,
    /// The token; when it is empty, no such header is sent. In `Authorization` it follows `Bearer `.
    pub auth_token: SecretString,
    /// Timeout of one call.
    pub timeout: Duration,
}

/// One notification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct News {
    /// `registration`, `update` or `deletion`.
    pub event_type: &'static str,
    /// `policy`, `request` or `callback_secret`.
    pub registration_type: &'static str,
    /// Time of the write, in UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
    /// Subject id of whoever made the change.
    pub performed_by: Option<String>,
    /// The object after the change; secrets are removed before it is sent.
    pub card: Map<String, Value>,
}

/// Sends registration webhooks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RegistrationWebhook {
    options: RegistrationOptions,
    client: Client,
    slots: Arc<Semaphore>,
}

impl RegistrationWebhook {
    /// A webhook to a URL that is trusted, since the operator sets it.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(options: RegistrationOptions) -> Result<Self, SetupError> {
        if options.url.starts_with("http://") {
            tracing::warn!("registration webhook: the URL is not HTTPS, which is recommended");
        }
        Ok(Self { options, client: Client::trusted()?, slots: Arc::new(Semaphore::new(MOST)) })
    }

    /// Whether an endpoint is configured.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        !self.options.url.is_empty()
    }

    /// Sends a notification in the background.
    pub fn tell(&self, news: News) {
        if !self.is_enabled() {
            return;
        }
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            let (event, kind) = (news.event_type, news.registration_type);
            tracing::warn!(event, kind, "registration webhook: too many under way, this one is dropped");
            return;
        };
        let webhook = self.clone();
        tokio::spawn(async move {
            webhook.send(news).await;
            drop(slot);
        });
    }

    /// Sends a notification and waits for the answer. A failure is only logged.
    pub async fn send(&self, news: News) {
        let (event, kind) = (news.event_type, news.registration_type);
        match self.post(news).await {
            Ok(status @ 200..300) => tracing::debug!(event, kind, status, "registration webhook: sent"),
            Ok(status) => tracing::warn!(event, kind, status, "registration webhook: not accepted"),
            Err(error) => tracing::warn!(event, kind, %error, "registration webhook: not delivered"),
        }
    }

    async fn post(&self, news: News) -> Result<u16, Failure> {
        let options = &self.options;
        if !(options.url.starts_with("http://") || options.url.starts_with("https://")) {
            return Err(Failure::Refused("the URL must begin with http:// or https://".to_owned()));
        }
        let news = News { card: sanitized(&news.card), ..news };
        let body = serde_json::to_vec(&news).map_err(|error| Failure::Refused(error.to_string()))?;
        let call = Call::new(Method::Post, &options.url, options.timeout, 0).body("application/json", body);
        let call = match options.auth_token.expose_secret() {
            "" => call,
            _ if options.auth_header.eq_ignore_ascii_case("authorization") => {
                call.bearer(&options.auth_token)?
            }
            _ => call.secret_header(&options.auth_header, &options.auth_token)?,
        };
        self.client.send_for_status(call, None).await.map(|reply| reply.status)
    }
}
