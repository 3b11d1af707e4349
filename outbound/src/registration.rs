//! The registration webhook: tells an endpoint of the operator's what was registered, changed or removed.
//!
//! Fire and forget, after the write: whoever wrote does not wait for it and does not feel it fail. It is not the
//! webhook of approval events, which is durable and signed.

use crate::client::{Call, Client, Method};
use crate::sanitize::sanitized;
use crate::transport::Failure;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

/// Notifications under way at once; more are dropped, and the log says so.
const MOST: usize = 64;

/// Where to, and how.
#[derive(Debug, Clone)]
pub struct RegistrationOptions {
    /// Empty = nobody is told.
    pub url: String,
    /// Name of the header that carries the token.
    pub auth_header: String,
    /// Empty = no such header. Sent after `Bearer ` when the header is `Authorization`.
    pub auth_token: SecretString,
    /// Of one call.
    pub timeout: Duration,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct News {
    /// `registration`, `update` or `deletion`.
    pub event_type: &'static str,
    /// `policy`, `request` or `callback_secret`.
    pub registration_type: &'static str,
    /// When, in UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
    /// The subject that did it.
    pub performed_by: Option<String>,
    /// What it is now; secrets are taken out before it is sent.
    pub card: Map<String, Value>,
}

/// The webhook. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RegistrationWebhook {
    options: RegistrationOptions,
    client: Client,
    slots: Arc<Semaphore>,
}

impl RegistrationWebhook {
    /// As configured. Its URL is the operator's and therefore trusted.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(options: RegistrationOptions) -> Result<Self, String> {
        if options.url.starts_with("http://") {
            tracing::warn!("registration webhook: the URL is not HTTPS, which is recommended");
        }
        Ok(Self { options, client: Client::trusted()?, slots: Arc::new(Semaphore::new(MOST)) })
    }

    /// Whether somebody is told.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        !self.options.url.is_empty()
    }

    /// Tells it in the background.
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

    /// Tells it now. A failure is a line in the log.
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
        self.client.judge(call, None).await.map(|reply| reply.status)
    }
}
