//! Webhook deliveries. A worker leases a delivery by a conditional update, sends it with no transaction open, and
//! records the outcome only while the lease stands. The lease of a worker that died ends by time, and another worker
//! takes over.
//!
//! Order: a later delivery of a request is not leased while an earlier one waits for its first attempt. A delivery
//! that has failed once may be overtaken.
//!
//! A delivery may be leased by the commit that makes it, to a worker of the process that commits. Its order is then that
//! of the worker: earlier ones of the request must have been tried, or be leased in the same way under the same token.

pub mod admin;
pub mod endpoints;
mod lease;
mod record;

pub use lease::Waiting;

use crate::{Error, Store};
use schemas::event::WebhookEvent;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use telemetry::Trace;
use time::OffsetDateTime;
use uuid::Uuid;

/// The status of deliveries that wait, to be passed as a parameter. They have a partial index of their own, which the
/// planner takes for empty if it was empty when the table was last analyzed. A statement that finds rows by another
/// key must not name the status as a literal: the planner would then read that whole index, however large it is by
/// now.
pub(crate) const PENDING: &str = "pending";

/// A caller and an endpoint: the unit that is leased, paced and left alone after failures. The caller is part of it,
/// so that the webhooks of one caller to a host do not delay those of another caller to the same host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    /// Subject that created the requests.
    pub caller_service: String,
    /// `scheme://host:port`, its first 300 characters.
    pub endpoint: String,
}

/// Characters of an endpoint that tell it from others.
const ENDPOINT: usize = 300;

impl Destination {
    /// Where the webhooks of this caller to this URL are leased: what the column `endpoint` is generated from it, so that
    /// nobody need ask. Were it ever another, its deliveries would be found by the queue and the poll.
    #[must_use]
    pub fn of(caller_service: &str, url: &str) -> Self {
        let ends = |text: &str| text.find(['/', '?', '#']).unwrap_or(text.len());
        let (scheme, rest) = url.split_at(ends(url));
        let endpoint = rest
            .strip_prefix("//")
            .map_or_else(String::new, |rest| format!("{scheme}//{}", &rest[..ends(rest)]).to_lowercase());
        let usual = if endpoint.starts_with("http://") { ":80" } else { ":443" };
        let known = endpoint.starts_with("http://") || endpoint.starts_with("https://");
        let endpoint = endpoint.strip_suffix(usual).filter(|_| known).unwrap_or(&endpoint);
        Self::new(caller_service, endpoint.chars().take(ENDPOINT).collect::<String>())
    }

    /// The webhooks of this caller to this endpoint.
    pub fn new(caller_service: impl Into<String>, endpoint: impl Into<String>) -> Self {
        Self { caller_service: caller_service.into(), endpoint: endpoint.into() }
    }
}

/// What a worker that has room for webhooks asks of the commit that makes them: that they are leased to it from the
/// start. All that carry one token must be sent by one worker, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub token: Uuid,
    pub lasts: Duration,
}

/// A delivery that this worker may attempt until its lease ends.
#[derive(Debug, Clone)]
pub struct Leased {
    pub id: Uuid,
    /// Token of the lease, which recording the attempt must name.
    pub token: Uuid,
    /// Attempts made before this one.
    pub attempt: i32,
    pub url: String,
    /// Subject that created the request. Its secrets sign, unless the request names another one.
    pub caller_service: String,
    /// The secret that the request names instead.
    pub callback_secret_id: Option<Uuid>,
    pub event: WebhookEvent,
    /// The trace that the event's transition belongs to, if somebody traces it.
    pub trace: Option<Trace>,
}

/// The outcome of one attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub delivery_id: Uuid,
    /// Token of the lease that the attempt was made under.
    pub token: Uuid,
    pub started_at: OffsetDateTime,
    /// How long it took, in milliseconds.
    pub latency_ms: i32,
    /// HTTP status, when there was an answer.
    pub status_code: Option<i32>,
    /// What went wrong, in words.
    pub error: Option<String>,
    /// Whose fault a failure is: `receiver` or `us`.
    pub failed_by: Option<&'static str>,
    /// The headers of the answer, redacted: an object of names and values.
    pub response_headers: Option<Value>,
    /// The first bytes of the answer.
    pub response_excerpt: Option<String>,
    /// What becomes of the delivery after this attempt.
    pub next: Next,
}

/// Where a delivery goes after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Delivered,
    /// To be attempted again, not before this moment.
    RetryAt(OffsetDateTime),
    /// Given up, until somebody asks for a retry.
    Exhausted,
}

impl Store {
    /// The delivery id of each of these events that has a delivery.
    pub(crate) async fn deliveries_of(&self, events: &[Uuid]) -> Result<HashMap<Uuid, Uuid>, Error> {
        if events.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = sqlx::query!("select event_id, id from webhook_delivery where event_id = any($1)", events)
            .fetch_all(&self.hot)
            .await?;
        Ok(rows.into_iter().map(|r| (r.event_id, r.id)).collect())
    }
}

impl Next {
    const fn status(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::RetryAt(_) => "pending",
            Self::Exhausted => "exhausted",
        }
    }

    const fn attempt_at(self) -> Option<OffsetDateTime> {
        match self {
            Self::RetryAt(at) => Some(at),
            Self::Delivered | Self::Exhausted => None,
        }
    }
}
