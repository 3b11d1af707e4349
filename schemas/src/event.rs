//! Events on their way out: the body of webhooks and bus messages, bus subjects and `CloudEvents` headers.

use crate::api::JsonObject;
use engine::request::EventType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;
use uuid::Uuid;

/// Body of a webhook and of an event on the bus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WebhookEvent {
    /// Id of the event: receivers drop what they have seen.
    pub event_id: Uuid,
    /// What happened.
    #[schema(example = "request_approved")]
    pub event_type: String,
    /// Request.
    pub request_id: Uuid,
    /// Place in the request's history, from 1 without gaps: the order, whatever the order of arrival.
    #[schema(example = 7)]
    pub sequence: i64,
    /// What kind of thing is to be approved.
    #[schema(example = "registry_change_request")]
    pub artifact_type: String,
    /// The caller's id of the thing.
    #[schema(example = "CR-2026-000123")]
    pub artifact_id: String,
    /// What people call the thing; absent when the caller has not said it.
    #[schema(example = "New bank account for the Okafor household")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is about, in plain text; absent likewise.
    #[schema(example = "The account that payments go to changes from 0012 to 0047.")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Where people look at the thing, to be shown as a link; absent likewise.
    #[schema(example = "https://registry.example.org/changes/CR-2026-000123")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_url: Option<String>,
    /// Policy that the request is pinned to.
    #[schema(example = "registry.change-request")]
    pub policy_key: String,
    /// Its version.
    #[schema(example = 1)]
    pub policy_version: i32,
    /// Status of the request: `pending`, `in_review`, `approved`, `rejected`, `cancelled` or `expired`.
    #[schema(example = "approved")]
    pub status: String,
    /// Stage that the event is about.
    #[schema(example = 1)]
    pub stage_order: Option<i32>,
    /// Who caused it: a subject id, or a `system` name.
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub actor: Option<String>,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T10:00:00Z")]
    pub occurred_at: OffsetDateTime,
    /// More facts, by type; repeats actor, reason and `stage_order`. Of `request_created` it holds the context's
    /// SHA-256 and, up to 64 kB, the context.
    #[schema(value_type = Object)]
    pub payload: JsonObject,
}

/// Type of the test event with which an administrator tries an endpoint. No request has one.
pub const PING: &str = "ping";

/// Returns a test event. It is about no request (nil id, sequence 0); `secret_id` is the secret that is tried.
#[must_use]
pub fn ping(event_id: Uuid, secret_id: Uuid, actor: &str, occurred_at: OffsetDateTime) -> WebhookEvent {
    WebhookEvent {
        event_id,
        event_type: PING.to_owned(),
        request_id: Uuid::nil(),
        sequence: 0,
        artifact_type: PING.to_owned(),
        artifact_id: secret_id.to_string(),
        title: None,
        summary: None,
        artifact_url: None,
        policy_key: String::new(),
        policy_version: 0,
        status: PING.to_owned(),
        stage_order: None,
        actor: Some(actor.to_owned()),
        occurred_at,
        payload: payload(JsonObject::new(), None, actor, None),
    }
}

/// Returns the payload as it is published: the facts, in which actor, stage and reason, if any, are repeated.
#[must_use]
pub fn payload(facts: JsonObject, stage: Option<i32>, actor: &str, reason: Option<&str>) -> JsonObject {
    let mut payload = facts;
    if let Some(stage) = stage {
        payload.insert("stage_order".to_owned(), Value::from(stage));
    }
    payload.insert("actor".to_owned(), Value::from(actor));
    if let Some(reason) = reason {
        payload.insert("reason".to_owned(), Value::from(reason));
    }
    payload
}

/// Returns whether an event is sent as webhook. `decision_recorded`, `task_claimed` and `stage_skipped` never are; of
/// the others all are, or those that the caller listed.
#[must_use]
pub fn webhook_wanted(event_type: &str, callback_events: Option<&[String]>) -> bool {
    let carried = EventType::parse(event_type).is_some_and(|event_type| {
        !matches!(event_type, EventType::DecisionRecorded | EventType::TaskClaimed | EventType::StageSkipped)
    });
    carried && callback_events.is_none_or(|wanted| wanted.iter().any(|word| word == event_type))
}

/// Headers that make a bus message a `CloudEvent` 1.0 in binary mode.
#[must_use]
pub fn cloud_event_headers(event: &WebhookEvent) -> Vec<(&'static str, String)> {
    // This fails only for years beyond 9999, and the time of an event comes from the clock.
    let time = event.occurred_at.format(&Rfc3339).unwrap_or_default();
    vec![
        ("ce-specversion", "1.0".to_owned()),
        ("ce-id", event.event_id.to_string()),
        ("ce-source", format!("/v1/awe/requests/{}", event.request_id)),
        ("ce-type", format!("org.openg2p.awe.{}", event.event_type)),
        ("ce-subject", event.request_id.to_string()),
        ("ce-time", time),
    ]
}

/// Names of streams and subjects on the bus, all under one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subjects {
    prefix: String,
}

impl Default for Subjects {
    fn default() -> Self {
        Self::new("awe")
    }
}

impl Subjects {
    /// Names under `prefix`; `awe` in production.
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The prefix.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Stream that keeps every event: `AWE_EVENTS`.
    #[must_use]
    pub fn events_stream(&self) -> String {
        self.stream("EVENTS")
    }

    /// Subjects of that stream: `awe.events.>`.
    #[must_use]
    pub fn events(&self) -> String {
        format!("{}.events.>", self.prefix)
    }

    /// Subjects of the events that give somebody a task (start of a stage, escalation, reassignment):
    /// `awe.events.stage_started.>` and so on.
    #[must_use]
    pub fn assignments(&self) -> Vec<String> {
        let events = [EventType::StageStarted, EventType::StageEscalated, EventType::TaskReassigned];
        events.iter().map(|event| format!("{}.events.{}.>", self.prefix, event.as_str())).collect()
    }

    /// Stream of the work queues: `AWE_WORK`.
    #[must_use]
    pub fn work_stream(&self) -> String {
        self.stream("WORK")
    }

    /// Subjects of that stream: `awe.work.>`.
    #[must_use]
    pub fn work(&self) -> String {
        format!("{}.work.>", self.prefix)
    }

    /// Deliveries to attempt: `awe.work.delivery`.
    #[must_use]
    pub fn work_delivery(&self) -> String {
        format!("{}.work.delivery", self.prefix)
    }

    /// Stages to resolve: `awe.work.resolve`.
    #[must_use]
    pub fn work_resolve(&self) -> String {
        format!("{}.work.resolve", self.prefix)
    }

    /// Hint to other processes that something was committed: `awe.hint.commit`. It is in no stream, because a lost
    /// one costs only a poll interval.
    #[must_use]
    pub fn hint_commit(&self) -> String {
        format!("{}.hint.commit", self.prefix)
    }

    /// Hint to other processes that events were published: `awe.hint.events`. It is in no stream either.
    #[must_use]
    pub fn hint_events(&self) -> String {
        format!("{}.hint.events", self.prefix)
    }

    /// Subject of one event: `awe.events.<event_type>.<artifact_type>.<request_id>`. Characters of the artifact type
    /// outside `[A-Za-z0-9_-]` become `_`.
    #[must_use]
    pub fn subject(&self, event_type: &str, artifact_type: &str, request_id: Uuid) -> String {
        let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
        let artifact_type: String = artifact_type.chars().map(keep).collect();
        format!("{}.events.{event_type}.{artifact_type}.{request_id}", self.prefix)
    }

    fn stream(&self, name: &str) -> String {
        let keep = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let prefix: String = self.prefix.chars().map(keep).collect();
        format!("{prefix}_{name}")
    }
}
