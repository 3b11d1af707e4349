//! Webhook deliveries: leased by a conditional update, sent with no transaction open, recorded only while the lease
//! still stands. A worker that dies loses its lease by time, and another takes over.
//!
//! Order: nobody leases a later delivery of a request while an earlier one has not been tried once. A head that has
//! failed once is overtaken.

pub mod admin;
mod lease;
mod record;

pub use lease::Waiting;

use crate::{Error, Store};
use schemas::event::WebhookEvent;
use serde_json::Value;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// Deliveries that wait are indexed by endpoint, in an index of only these, which the planner takes for empty as long
/// as it was when the table was last analyzed. So a statement that finds rows by another key passes the word as a
/// parameter: with a literal it would be planned to read all that wait, however many there are by now.
pub(crate) const PENDING: &str = "pending";

/// Whose webhooks, and where to: the unit that is leased, paced and left alone after failures. A caller is part of it,
/// so that what one has sent to a host holds up nobody else's webhooks to the same host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    /// Subject that created the requests.
    pub caller_service: String,
    /// `scheme://host:port`, its first 300 characters.
    pub endpoint: String,
}

impl Destination {
    /// The webhooks of this caller to this endpoint.
    pub fn new(caller_service: impl Into<String>, endpoint: impl Into<String>) -> Self {
        Self { caller_service: caller_service.into(), endpoint: endpoint.into() }
    }
}

/// A delivery that this worker may attempt until its lease ends.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Delivery.
    pub id: Uuid,
    /// Proof of the lease.
    pub token: Uuid,
    /// Attempts made before this one.
    pub attempt: i32,
    /// Where to.
    pub url: String,
    /// Subject that created the request: whose secret signs.
    pub caller_service: String,
    /// A secret that the caller named instead.
    pub callback_secret_id: Option<Uuid>,
    /// What to send.
    pub event: WebhookEvent,
}

/// What came of one attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Delivery.
    pub delivery_id: Uuid,
    /// The lease it was made under.
    pub token: Uuid,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// How long it took, in milliseconds.
    pub latency_ms: i32,
    /// HTTP status, when there was an answer.
    pub status_code: Option<i32>,
    /// What went wrong, in words.
    pub error: Option<String>,
    /// Whose fault a failure is: `receiver` or `us`.
    pub failed_by: Option<&'static str>,
    /// The head of the answer, redacted: an object of names and values.
    pub response_headers: Option<Value>,
    /// The first bytes of the answer.
    pub response_excerpt: Option<String>,
    /// What becomes of the delivery after this attempt.
    pub next: Next,
}

/// Where a delivery goes after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Done.
    Delivered,
    /// Again, not before.
    RetryAt(OffsetDateTime),
    /// Given up, until somebody asks for a retry.
    Exhausted,
}

impl Store {
    /// Delivery of each of these events.
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
