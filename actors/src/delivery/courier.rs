//! One POST of an event: sign exactly the bytes that are sent, check the address, and use the credential that the
//! caller's callback secret names. Every webhook takes this way, and so does the test event that an administrator
//! asks for.

use super::options::WebhookOptions;
use crate::error::StartError;
use crate::{Error, clock};
use futures::FutureExt;
use outbound::{Answer, Credentials, Egress, Failure, Post, Transport};
use schemas::event::WebhookEvent;
use secrecy::ExposeSecret;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use store::secrets::LiveSecrets;
use store::vault::Vault;
use telemetry::Trace;
use time::OffsetDateTime;
use uuid::Uuid;

/// Sends webhooks.
pub struct Courier {
    store: Store,
    vault: Arc<Vault>,
    transport: Transport,
    credentials: Credentials,
    allow_unsigned: bool,
}

/// Whose secrets sign an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signer<'a> {
    /// The subject whose secrets sign,
    pub caller_service: &'a str,
    /// unless this secret is named: then the secrets of its owner do.
    pub callback_secret_id: Option<Uuid>,
}

/// The result of sending.
#[derive(Debug)]
pub struct Sent {
    /// When it was sent; the same time is signed.
    pub at: OffsetDateTime,
    /// How long it took.
    pub latency: Duration,
    /// The answer, with any status, or why there is none.
    pub outcome: Result<Answer, Failure>,
}

impl Sent {
    /// What went wrong, in words; `None` after a 2xx answer.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        match &self.outcome {
            Ok(answer) if answer.is_success() => None,
            Ok(answer) => Some(format!("answered {}", answer.status)),
            Err(failure) => Some(failure.to_string()),
        }
    }

    /// Who caused the failure: `receiver`, or `us`, which includes the identity provider that issues our tokens.
    #[must_use]
    pub fn failed_by(&self) -> Option<&'static str> {
        match &self.outcome {
            Ok(answer) if answer.is_success() => None,
            Err(Failure::Refused(_) | Failure::Credential(_) | Failure::Internal(_)) => Some("us"),
            Ok(_) | Err(Failure::Timeout(_) | Failure::Connection(_) | Failure::Cut { .. }) => {
                Some("receiver")
            }
        }
    }

    /// The latency in milliseconds.
    #[must_use]
    pub fn latency_ms(&self) -> i32 {
        i32::try_from(self.latency.as_millis()).unwrap_or(i32::MAX)
    }
}

impl Courier {
    /// A courier with its own HTTP connections.
    ///
    /// # Errors
    /// [`StartError::Transport`].
    pub fn new(
        store: Store,
        vault: Arc<Vault>,
        egress: Egress,
        credentials: Credentials,
        options: &WebhookOptions,
    ) -> Result<Self, StartError> {
        let transport = Transport::new(egress, options.timeout).map_err(StartError::Transport)?;
        Ok(Self { store, vault, transport, credentials, allow_unsigned: options.allow_unsigned })
    }

    /// The secrets that a signer's events are signed with now. Ask right before sending, because a secret may be
    /// revoked at any time.
    ///
    /// # Errors
    /// The database's.
    pub async fn secrets(&self, signer: Signer<'_>) -> Result<LiveSecrets, Error> {
        let (caller, id) = (signer.caller_service, signer.callback_secret_id);
        Ok(self.store.live_secrets(caller, id, clock::now(), &self.vault).await?)
    }

    /// Sends an event on behalf of `caller_service`. Every failure is part of the result.
    pub async fn send(
        &self,
        url: &str,
        caller_service: &str,
        event: &WebhookEvent,
        live: &LiveSecrets,
    ) -> Sent {
        let (at, begun) = (clock::now(), Instant::now());
        let outcome = if let Some(why) = &live.closed {
            Err(Failure::Credential(format!(
                "a callback secret that signs for caller {caller_service} cannot be opened: {why}"
            )))
        } else if live.secrets.is_empty() && !self.allow_unsigned {
            Err(Failure::Refused(format!(
                "caller {caller_service} has no active callback secret and webhook.allow_unsigned is off"
            )))
        } else {
            // A panic must become an outcome too. Otherwise the delivery would be repeated for ever without a trace.
            let sent = AssertUnwindSafe(self.post(url, event, live, at)).catch_unwind().await;
            sent.unwrap_or_else(|_| Err(Failure::Internal("internal fault while sending".to_owned())))
        };
        Sent { at, latency: begun.elapsed(), outcome }
    }

    async fn post(
        &self,
        url: &str,
        event: &WebhookEvent,
        live: &LiveSecrets,
        at: OffsetDateTime,
    ) -> Result<Answer, Failure> {
        let body = serde_json::to_vec(event).map_err(|e| Failure::Refused(e.to_string()))?;
        let keys: Vec<&str> = live.secrets.iter().map(ExposeSecret::expose_secret).collect();
        let mut headers =
            schemas::webhook::headers(&keys, &event.event_id.to_string(), at.unix_timestamp(), &body);
        let derived = || Trace::derived(event.request_id, event.event_id);
        headers.extend(Trace::current().unwrap_or_else(derived).headers());
        let post = Post { url: url.to_owned(), headers, body };
        match &live.credential {
            None => self.transport.post(post).await,
            Some(name) => self.transport.post_as(post, name, &self.credentials).await,
        }
    }
}
