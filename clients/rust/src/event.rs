//! The body of a webhook and of a message on NATS.

use crate::generated::words::EventType;
use crate::json::JsonObject;
use serde_json::Value;
use std::collections::HashMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Statuses of a request that never change again.
const FINAL_STATUSES: [&str; 4] = ["approved", "rejected", "cancelled", "expired"];

/// Whether a request with this status never changes again.
#[must_use]
pub fn is_final(status: &str) -> bool {
    FINAL_STATUSES.contains(&status)
}

/// Something that happened to a request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct WebhookEvent {
    /// The same in every attempt, on NATS and over HTTP: drop what you have seen.
    pub event_id: String,
    /// What happened; never `Other`.
    pub event_type: EventType,
    /// Request; all zeros for `ping`.
    pub request_id: String,
    /// Place in the request's history, from 1; receivers of webhooks see gaps, which mean nothing.
    pub sequence: i64,
    /// What kind of thing is to be approved.
    pub artifact_type: String,
    /// The caller's id of the thing.
    pub artifact_id: String,
    /// Policy that the request is pinned to.
    pub policy_key: String,
    /// Its version.
    pub policy_version: i64,
    /// Of the request at this event: `pending`, `in_review`, `approved`, `rejected`, `cancelled` or `expired`.
    pub status: String,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// The stage that it is about.
    pub stage_order: Option<i64>,
    /// Who caused it: a subject id, `system` or `system:...`.
    pub actor: Option<String>,
    /// Facts of this type; what is not said is absent.
    pub payload: JsonObject,
    /// The whole object as it came, with fields that this version does not know.
    pub data: JsonObject,
    /// `traceparent` and `tracestate` of the message on NATS, as a tracer's propagator reads them; empty of a webhook,
    /// whose headers say it.
    pub carrier: HashMap<String, String>,
}

impl WebhookEvent {
    /// Whether `status` never changes again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        is_final(&self.status)
    }
}

/// An event of a type that this version has no word for. Answer 2xx and ignore it, or read `data`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UnknownEvent {
    /// Id of the event.
    pub event_id: String,
    /// What happened.
    pub event_type: String,
    /// The whole object as it came.
    pub data: JsonObject,
}

/// An event, of a type that this version knows or not.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyEvent {
    /// Of a type of today.
    Known(Box<WebhookEvent>),
    /// Of a type of tomorrow.
    Unknown(UnknownEvent),
}

impl<'de> serde::Deserialize<'de> for AnyEvent {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::of(JsonObject::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

impl AnyEvent {
    /// Reads the JSON of one event.
    ///
    /// # Errors
    /// [`UnreadableEvent`].
    pub fn parse(raw: &[u8]) -> Result<Self, UnreadableEvent> {
        let value = match serde_json::from_slice(raw) {
            Ok(Value::Object(value)) => value,
            Ok(_) => return Err(UnreadableEvent("the body is not a JSON object".to_owned())),
            Err(_) if raw.is_empty() => return Err(UnreadableEvent("the body is empty".to_owned())),
            Err(_) => return Err(UnreadableEvent("the body is not JSON in UTF-8".to_owned())),
        };
        Self::of(value)
    }

    fn of(value: JsonObject) -> Result<Self, UnreadableEvent> {
        let (event_id, event_type) = (text(&value, "event_id")?, text(&value, "event_type")?);
        let known = EventType::from(event_type.as_str());
        if !known.is_known() {
            return Ok(Self::Unknown(UnknownEvent { event_id, event_type, data: value }));
        }
        let occurred_at = OffsetDateTime::parse(&text(&value, "occurred_at")?, &Rfc3339)
            .map_err(|_| UnreadableEvent("occurred_at is not a time of RFC 3339".to_owned()))?;
        let payload = value.get("payload").and_then(Value::as_object).cloned();
        Ok(Self::Known(Box::new(WebhookEvent {
            event_id,
            event_type: known,
            request_id: text(&value, "request_id")?,
            sequence: number(&value, "sequence")?,
            artifact_type: text(&value, "artifact_type")?,
            artifact_id: text(&value, "artifact_id")?,
            policy_key: text(&value, "policy_key")?,
            policy_version: number(&value, "policy_version")?,
            status: text(&value, "status")?,
            occurred_at,
            stage_order: present(&value, "stage_order").map(|_| number(&value, "stage_order")).transpose()?,
            actor: present(&value, "actor").map(|_| text(&value, "actor")).transpose()?,
            payload: payload.ok_or_else(|| wrong("payload", "an object"))?,
            data: value,
            carrier: HashMap::new(),
        })))
    }

    /// Id of the event.
    #[must_use]
    pub fn event_id(&self) -> &str {
        match self {
            Self::Known(event) => &event.event_id,
            Self::Unknown(event) => &event.event_id,
        }
    }

    /// What happened, as it is on the wire.
    #[must_use]
    pub fn event_type(&self) -> &str {
        match self {
            Self::Known(event) => event.event_type.as_str(),
            Self::Unknown(event) => &event.event_type,
        }
    }

    /// The event, when this version knows its type.
    #[must_use]
    pub fn known(&self) -> Option<&WebhookEvent> {
        match self {
            Self::Known(event) => Some(event),
            Self::Unknown(_) => None,
        }
    }

    /// The whole object as it came.
    #[must_use]
    pub const fn data(&self) -> &JsonObject {
        match self {
            Self::Known(event) => &event.data,
            Self::Unknown(event) => &event.data,
        }
    }
}

/// The bytes are no event. The text says what is wrong, and repeats nothing of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnreadableEvent(pub(crate) String);

fn wrong(name: &str, wanted: &str) -> UnreadableEvent {
    UnreadableEvent(format!("{name} is missing or not {wanted}"))
}

fn present<'a>(value: &'a JsonObject, name: &str) -> Option<&'a Value> {
    value.get(name).filter(|found| !found.is_null())
}

fn text(value: &JsonObject, name: &str) -> Result<String, UnreadableEvent> {
    value.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| wrong(name, "a text"))
}

fn number(value: &JsonObject, name: &str) -> Result<i64, UnreadableEvent> {
    value.get(name).and_then(Value::as_i64).ok_or_else(|| wrong(name, "an integer"))
}
