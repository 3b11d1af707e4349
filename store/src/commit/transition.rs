//! What is handed to the group commit: one transition, with everything that is written together with it or not at
//! all.

use crate::deliveries::{Destination, Lease, Leased};
use crate::once::Once;
use crate::outbox::{EventFacts, Outgoing};
use engine::command::Transition;
use engine::ids::{EventId, RequestId};
use engine::request::{Event, Request};
use schemas::event::{WebhookEvent, webhook_wanted};
use schemas::json::RawJson;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use telemetry::Trace;
use time::OffsetDateTime;
use uuid::Uuid;

/// Facts of a request that rules do not look at. They are fixed when it is created.
#[derive(Debug, Clone, PartialEq)]
pub struct Meta {
    pub policy_key: String,
    pub policy_version: i32,
    /// The caller's word for what is to be approved.
    pub artifact_type: String,
    /// The caller's id of it.
    pub artifact_id: String,
    /// What people call it.
    pub title: Option<String>,
    /// What it is about.
    pub summary: Option<String>,
    /// Where people look at it.
    pub artifact_url: Option<String>,
    pub callback_url: Option<String>,
    /// The secret that signs webhooks; `None` = those of the creating caller.
    pub callback_secret_id: Option<Uuid>,
    /// Event types that the caller wants as webhooks; `None` = all.
    pub callback_events: Option<Vec<String>>,
}

/// Makes a command happen only once for the key's subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Idempotency {
    /// The key, and what was asked for.
    pub once: Once,
    /// The answer that is replayed when the command is repeated.
    pub response: RawJson,
}

/// An audit row that is written with the transition, or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Subject of the person who acted.
    pub actor: String,
    /// `request.cancel`, `task.reassign`, `task.decide_override`.
    pub action: &'static str,
    /// `request` or `task`.
    pub resource_type: &'static str,
    /// Id of that request or task.
    pub resource_id: String,
    /// One line for people.
    pub summary: String,
    /// The request before, as it is shown to auditors.
    pub before: Option<Value>,
    /// The request after.
    pub after: Option<Value>,
}

/// One transition to write.
#[derive(Debug)]
pub struct Commit {
    /// State and row version that the transition was decided on; `None` for a create.
    pub before: Option<(Arc<Request>, i64)>,
    pub transition: Arc<Transition>,
    pub meta: Arc<Meta>,
    /// The policy epoch at which the active version was looked up; `None` when none was looked up.
    pub epoch: Option<i64>,
    /// People whose delegations the transition relied on, each with the number of their last change as it was read.
    pub relied: Vec<(String, i64)>,
    /// Set for commands with an idempotency key.
    pub idempotency: Option<Idempotency>,
    /// Set for administrative commands.
    pub audit: Option<Audit>,
    /// When a resolver should ask (again); `None` = there is nothing to resolve.
    pub resolve_after: Option<OffsetDateTime>,
    /// How often resolvers have failed in a row.
    pub resolve_attempt: i32,
    /// The trace that the transition belongs to, as it is kept with its events.
    pub trace: Option<String>,
    /// Set where the committing process has room for the transition's webhooks. It gets the lease unless an earlier
    /// webhook of the request still has to be tried by somebody else.
    pub lease: Option<Lease>,
    /// Ids of the webhook deliveries of the transition, by event.
    deliveries: HashMap<EventId, Uuid>,
}

/// What became of a transition that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The row version of the request from now on.
    pub row_version: i64,
    /// The positions of the transition's events in the outbox, in their order.
    pub positions: Vec<i64>,
    /// Its webhooks are leased, as [`Commit::lease`] asked.
    pub leased: bool,
}

impl Commit {
    /// A commit that relied on nothing cached and leaves nothing to resolve, and belongs to the caller's trace. `before` is the state and the row
    /// version that the transition was decided on. This function alone draws the ids of webhook deliveries: one for
    /// each event that the caller wants as a webhook.
    #[must_use]
    pub fn new(before: Option<(Arc<Request>, i64)>, transition: Arc<Transition>, meta: Arc<Meta>) -> Self {
        let deliveries = deliveries(&transition, &meta);
        Self {
            before,
            transition,
            meta,
            epoch: None,
            relied: Vec::new(),
            idempotency: None,
            audit: None,
            resolve_after: None,
            resolve_attempt: 0,
            trace: Trace::kept().map(|trace| trace.to_text()),
            lease: None,
            deliveries,
        }
    }

    pub(super) fn request_id(&self) -> RequestId {
        self.transition.request.id
    }

    /// Where the transition's webhooks go, if it owes any.
    #[must_use]
    pub fn destination(&self) -> Option<Destination> {
        let url = self.meta.callback_url.as_deref().filter(|_| !self.deliveries.is_empty())?;
        Some(Destination::of(&self.transition.request.source_service, url))
    }

    pub(super) fn delivery_of(&self, event: EventId) -> Option<Uuid> {
        self.deliveries.get(&event).copied()
    }

    /// The events of the transition at the positions that its commit has given them, equal to what
    /// [`crate::Store::unpublished`] reads; those whose webhooks are leased name no delivery, because nobody need be
    /// told of it.
    #[must_use]
    pub fn outgoing(&self, committed: &Committed) -> Vec<Outgoing> {
        let outgoing =
            self.transition.events.iter().zip(&committed.positions).map(|(event, position)| Outgoing {
                position: *position,
                delivery_id: self.delivery_of(event.id).filter(|_| !committed.leased),
                trace: self.trace(),
                event: self.told(event),
            });
        outgoing.collect()
    }

    /// The webhooks of the transition under the lease that it asked for, in their order, equal to what
    /// [`crate::Store::lease_due`] reads.
    #[must_use]
    pub fn leased(&self) -> Vec<Leased> {
        let (Some(lease), Some(url)) = (self.lease, self.meta.callback_url.as_ref()) else {
            return Vec::new();
        };
        let leased = self.transition.events.iter().filter_map(|event| {
            Some(Leased {
                id: self.delivery_of(event.id)?,
                token: lease.token,
                attempt: 0,
                url: url.clone(),
                caller_service: self.transition.request.source_service.clone(),
                callback_secret_id: self.meta.callback_secret_id,
                event: self.told(event),
                trace: self.trace(),
            })
        });
        leased.collect()
    }

    fn trace(&self) -> Option<Trace> {
        self.trace.as_deref().and_then(Trace::from_text)
    }

    fn told(&self, event: &Event) -> WebhookEvent {
        let meta = &self.meta;
        let facts = EventFacts {
            event_id: event.id.0,
            event_type: event.event_type.as_str().to_owned(),
            request_id: self.request_id().0,
            artifact_type: meta.artifact_type.clone(),
            artifact_id: meta.artifact_id.clone(),
            title: meta.title.clone(),
            summary: meta.summary.clone(),
            artifact_url: meta.artifact_url.clone(),
            status: event.status.as_str().to_owned(),
            stage_order: event.stage_order,
            actor: event.actor.clone(),
            reason: event.reason.clone(),
            payload: Value::Object(event.payload.clone()),
            occurred_at: event.occurred_at,
            sequence: event.sequence,
            policy_key: meta.policy_key.clone(),
            policy_version: meta.policy_version,
        };
        facts.into_event()
    }
}

fn deliveries(transition: &Transition, meta: &Meta) -> HashMap<EventId, Uuid> {
    if meta.callback_url.is_none() {
        return HashMap::new();
    }
    let wanted = transition
        .events
        .iter()
        .filter(|event| webhook_wanted(event.event_type.as_str(), meta.callback_events.as_deref()));
    wanted.map(|event| (event.id, Uuid::now_v7())).collect()
}
