//! What surrounds a write that registers or changes something: the gate is asked before it, the registration webhook
//! told after it.
//!
//! Handlers ask when the caller is known and allowed and the body valid, and before anything is written.

use crate::config::Config;
use crate::error::{ApiError, Reason};
use axum::http::HeaderMap;
use outbound::SetupError;
use outbound::gate::{Gate, Question, forwarded_headers};
use outbound::registration::{News, RegistrationWebhook};
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;
use time::OffsetDateTime;

/// What the caller is told before the reason.
const PREFIX: &str = "denied by policy gate";

/// Gate and webhook of this process.
#[derive(Debug, Clone)]
pub struct Admission {
    gate: Gate,
    webhook: RegistrationWebhook,
    asks_of_requests: bool,
    tells_of_requests: bool,
}

/// What is registered or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A policy.
    Policy,
    /// A request for approval.
    Request,
    /// A callback secret.
    CallbackSecret,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Request => "request",
            Self::CallbackSecret => "callback_secret",
        }
    }
}

/// What is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is new.
    Create,
    /// It gets another version.
    AddVersion,
    /// It is edited.
    Update,
    /// It comes into force.
    Activate,
    /// It is out of use for good.
    Revoke,
}

impl Operation {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::AddVersion => "add_version",
            Self::Update => "update",
            Self::Activate => "activate",
            Self::Revoke => "revoke",
        }
    }

    const fn event_type(self) -> &'static str {
        match self {
            Self::Create | Self::AddVersion => "registration",
            Self::Update | Self::Activate => "update",
            Self::Revoke => "deletion",
        }
    }
}

/// One write.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// Of what.
    pub kind: Kind,
    /// Which.
    pub operation: Operation,
    /// Route, as the `OpenAPI` document writes it.
    pub route: &'static str,
    /// Name of the asset, for the log.
    pub name: &'a str,
}

impl Admission {
    /// As configured.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self {
            gate: Gate::new(config.gate.options())?,
            webhook: RegistrationWebhook::new(config.registration_webhook.options())?,
            asks_of_requests: config.gate.requests,
            tells_of_requests: config.registration_webhook.requests,
        })
    }

    /// The gate, for looking at it.
    #[must_use]
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Whether the gate is asked about such things.
    #[must_use]
    pub fn asks(&self, kind: Kind) -> bool {
        self.gate.is_enabled() && (kind != Kind::Request || self.asks_of_requests)
    }

    /// Asks the gate.
    ///
    /// # Errors
    /// [`Reason::GateDenied`], for whatever reason: nothing may be written.
    pub async fn ask(
        &self,
        write: Write<'_>,
        headers: &HeaderMap,
        payload: &impl Serialize,
    ) -> Result<(), ApiError> {
        if !self.asks(write.kind) {
            return Ok(());
        }
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let question = Question {
            asset_type: write.kind.name().to_owned(),
            operation: write.operation.name().to_owned(),
            source_api: write.route.to_owned(),
            registration_payload: object(payload)
                .ok_or_else(|| denied(write, "the question could not be written (fail-closed)"))?,
            request_headers: forwarded_headers(headers),
        };
        // Boxed: most installations ask nobody, and every create would carry its room.
        let ruling = Box::pin(self.gate.ask(&question)).await;
        if ruling.allowed {
            return Ok(());
        }
        Err(denied(write, ruling.error_message.as_deref().unwrap_or("no reason given")))
    }

    /// Tells the webhook, in the background; `card` is what was written.
    pub fn tell(&self, write: Write<'_>, subject: &str, card: &impl Serialize) {
        if !self.webhook.is_enabled() || (write.kind == Kind::Request && !self.tells_of_requests) {
            return;
        }
        self.webhook.tell(News {
            event_type: write.operation.event_type(),
            registration_type: write.kind.name(),
            timestamp: OffsetDateTime::now_utc(),
            performed_by: Some(subject.to_owned()),
            card: object(card).unwrap_or_default(),
        });
    }

    /// Looks once whether the gate can be asked, and says what it found in the log. Nothing depends on the outcome.
    pub async fn look(&self, request_timeout: Duration) {
        for finding in self.gate.check().await {
            finding.log();
        }
        let longest = self.gate.longest();
        if self.gate.is_enabled() && longest >= request_timeout {
            tracing::warn!(
                ?longest,
                ?request_timeout,
                "policy gate: asking may take longer than server.request_timeout_seconds; such writes are refused"
            );
        }
    }
}

fn object(value: &impl Serialize) -> Option<Map<String, Value>> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => Some(map),
        Ok(_) | Err(_) => None,
    }
}

fn denied(write: Write<'_>, reason: &str) -> ApiError {
    let (kind, operation, name) = (write.kind.name(), write.operation.name(), write.name);
    tracing::warn!(kind, operation, name, reason, "denied by the policy gate");
    ApiError::new(Reason::GateDenied, format!("{PREFIX}: {reason}"))
}
