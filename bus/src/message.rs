//! The messages that AWE publishes.

use crate::connection::Bus;
use async_nats::header::{HeaderMap, HeaderName, NATS_MESSAGE_ID};
use schemas::event::{WebhookEvent, cloud_event_headers};
use uuid::Uuid;

/// A message to publish.
#[derive(Debug, Clone)]
pub struct Message {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// Makes the stream refuse the message unless it comes right after this place.
    pub(crate) fn after(mut self, (header, place): (HeaderName, String)) -> Self {
        self.headers.insert(header, place);
        self
    }
}

impl Bus {
    /// The message of an event: a CloudEvent in binary mode whose deduplication id is the event id.
    #[must_use]
    pub fn event(&self, event: &WebhookEvent) -> Message {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, event.event_id.to_string());
        for (name, value) in cloud_event_headers(event) {
            headers.insert(HeaderName::from_static(name), value);
        }
        Message {
            subject: self.subjects.subject(&event.event_type, &event.artifact_type, event.request_id),
            headers,
            // Invariant: a struct of strings, numbers and JSON always serialises.
            body: serde_json::to_vec(event).unwrap_or_default(),
        }
    }

    /// The work item that says that a webhook delivery of this request is due.
    #[must_use]
    pub fn delivery_work(&self, request_id: Uuid, delivery_id: Uuid) -> Message {
        work_message(self.subjects.work_delivery(), request_id, format!("delivery-{delivery_id}"))
    }

    /// The work item that says that approvers of this request must be resolved. Each attempt has its own `sequence`, so
    /// that it is not dropped as a duplicate of the one before.
    #[must_use]
    pub fn resolve_work(&self, request_id: Uuid, sequence: i64) -> Message {
        work_message(self.subjects.work_resolve(), request_id, format!("resolve-{request_id}-{sequence}"))
    }
}

fn work_message(subject: String, request_id: Uuid, id: String) -> Message {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, id);
    Message { subject, headers, body: request_id.to_string().into_bytes() }
}
