//! The messages that AWE publishes.

use crate::connection::Bus;
use async_nats::header::{HeaderMap, HeaderName, NATS_MESSAGE_ID};
use schemas::event::{WebhookEvent, cloud_event_headers};
use telemetry::Trace;
use uuid::Uuid;

/// Bytes that most events need, so that the buffer need not grow step by step.
const USUAL_BODY: usize = 1024;

/// An event, and the trace that it belongs to if somebody traces it.
pub trait Told {
    /// What happened.
    fn event(&self) -> &WebhookEvent;

    /// Where the message belongs; without it, to a trace of the event's request that nobody records.
    fn trace(&self) -> Option<&Trace> {
        None
    }
}

impl Told for WebhookEvent {
    fn event(&self) -> &WebhookEvent {
        self
    }
}

impl Told for (WebhookEvent, Option<Trace>) {
    fn event(&self) -> &WebhookEvent {
        &self.0
    }

    fn trace(&self) -> Option<&Trace> {
        self.1.as_ref()
    }
}

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
    pub fn event(&self, told: &impl Told) -> Message {
        let event = told.event();
        let mut headers = HeaderMap::new();
        let mut body = Vec::with_capacity(USUAL_BODY);
        // Invariant: a struct of strings, numbers and JSON always serialises, and a vector takes it all.
        let _ = serde_json::to_writer(&mut body, event);
        let derived = || Trace::derived(event.request_id, event.event_id);
        trace_headers(&mut headers, &told.trace().cloned().unwrap_or_else(derived));
        headers.insert(NATS_MESSAGE_ID, event.event_id.to_string());
        for (name, value) in cloud_event_headers(event) {
            headers.insert(HeaderName::from_static(name), value);
        }
        Message {
            subject: self.subjects.subject(&event.event_type, &event.artifact_type, event.request_id),
            headers,
            body,
        }
    }

    /// The work item that says that a webhook delivery of this request is due.
    #[must_use]
    pub fn delivery_work(&self, request_id: Uuid, delivery_id: Uuid, trace: Option<&Trace>) -> Message {
        let trace = trace.cloned().unwrap_or_else(|| Trace::derived(request_id, delivery_id));
        work_message(self.subjects.work_delivery(), request_id, format!("delivery-{delivery_id}"), &trace)
    }

    /// The work item that says that approvers of this request must be resolved. Each attempt has its own `sequence`, so
    /// that it is not dropped as a duplicate of the one before.
    #[must_use]
    pub fn resolve_work(&self, request_id: Uuid, sequence: i64) -> Message {
        let trace = Trace::derived(request_id, request_id);
        work_message(
            self.subjects.work_resolve(),
            request_id,
            format!("resolve-{request_id}-{sequence}"),
            &trace,
        )
    }
}

fn work_message(subject: String, request_id: Uuid, id: String, trace: &Trace) -> Message {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, id);
    trace_headers(&mut headers, trace);
    Message { subject, headers, body: request_id.to_string().into_bytes() }
}

fn trace_headers(headers: &mut HeaderMap, trace: &Trace) {
    for (name, value) in trace.headers() {
        headers.insert(HeaderName::from_static(name), value);
    }
}
