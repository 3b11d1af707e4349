//! What is handed to the group commit: one transition, and all that stands or falls with it.

use crate::outbox::{EventFacts, Outgoing};
use engine::command::Transition;
use engine::ids::{EventId, RequestId};
use engine::request::Request;
use schemas::event::webhook_wanted;
use schemas::json::RawJson;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

/// What a request carries besides the state that rules look at. Fixed at creation.
#[derive(Debug, Clone, PartialEq)]
pub struct Meta {
    /// Key of its policy.
    pub policy_key: String,
    /// Version of its policy.
    pub policy_version: i32,
    /// The caller's word for what is approved.
    pub artifact_type: String,
    /// The caller's id of it.
    pub artifact_id: String,
    /// Where webhooks go.
    pub callback_url: Option<String>,
    /// Whose secret signs them, when not the creating caller's.
    pub callback_secret_id: Option<Uuid>,
    /// Event types that the caller wants; all when absent.
    pub callback_events: Option<Vec<String>>,
}

/// A create that must happen once per `(subject, key)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Idempotency {
    /// Subject of the caller's token.
    pub subject: String,
    /// The `Idempotency-Key` header.
    pub key: String,
    /// The body, compared as JSON.
    pub body: RawJson,
    /// The answer to replay.
    pub response: RawJson,
}

/// An audit row that is written with the transition, or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Subject of whoever acted.
    pub actor: String,
    /// `request.cancel`, `task.reassign`, `task.decide_override`.
    pub action: &'static str,
    /// `request` or `task`.
    pub resource_type: &'static str,
    /// Id of that request or task.
    pub resource_id: String,
    /// One line for people.
    pub summary: String,
    /// The request before, as an auditor looks at it.
    pub before: Option<Value>,
    /// The request after.
    pub after: Option<Value>,
}

/// One transition to write.
#[derive(Debug)]
pub struct Commit {
    /// State and row version that it was decided on; `None` for a create.
    pub before: Option<(Arc<Request>, i64)>,
    /// What was decided.
    pub transition: Arc<Transition>,
    /// Fixed facts of the request.
    pub meta: Arc<Meta>,
    /// The policy epoch of the active version that was used; `None` when none was looked up.
    pub epoch: Option<i64>,
    /// People whose delegations counted, each with the number of their last change that was known.
    pub relied: Vec<(String, i64)>,
    /// For creates with a key.
    pub idempotency: Option<Idempotency>,
    /// For administrative commands.
    pub audit: Option<Audit>,
    /// When a resolver should ask (again); `None` when nothing is to be resolved.
    pub resolve_after: Option<OffsetDateTime>,
    /// How often resolvers have failed in a row.
    pub resolve_attempt: i32,
    /// Ids of the webhook deliveries that the transition calls for, by event.
    deliveries: HashMap<EventId, Uuid>,
}

impl Commit {
    /// A transition by itself: nothing was relied on, nothing is to be resolved. `before` is the state and the row
    /// version that it was decided on. Here, and nowhere else, its webhook deliveries get their ids: one for each event
    /// that the request's caller wants to be told of.
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
            deliveries,
        }
    }

    pub(super) fn request_id(&self) -> RequestId {
        self.transition.request.id
    }

    pub(super) fn delivery_of(&self, event: EventId) -> Option<Uuid> {
        self.deliveries.get(&event).copied()
    }

    /// The events of the transition, as [`crate::Store::unpublished`] reads them once they are committed.
    #[must_use]
    pub fn outgoing(&self) -> Vec<Outgoing> {
        let outgoing = self.transition.events.iter().map(|event| Outgoing {
            delivery_id: self.delivery_of(event.id),
            event: EventFacts {
                event_id: event.id.0,
                event_type: event.event_type.as_str().to_owned(),
                request_id: self.request_id().0,
                artifact_type: self.meta.artifact_type.clone(),
                artifact_id: self.meta.artifact_id.clone(),
                status: event.status.as_str().to_owned(),
                stage_order: event.stage_order,
                actor: event.actor.clone(),
                reason: event.reason.clone(),
                payload: Value::Object(event.payload.clone()),
                occurred_at: event.occurred_at,
                sequence: event.sequence,
                policy_key: self.meta.policy_key.clone(),
                policy_version: self.meta.policy_version,
            }
            .into_event(),
        });
        outgoing.collect()
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
