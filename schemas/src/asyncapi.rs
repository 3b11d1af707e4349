//! The `AsyncAPI` 3.0 document of what AWE publishes on NATS. Payload schema and subjects come from the types and
//! functions that the bus uses, so that they cannot drift apart.

use crate::event::{Subjects, WebhookEvent};
use engine::request::EventType;
use serde_json::{Value, json};
use utoipa::PartialSchema as _;

/// Returns the document as it is committed: YAML, the same at every call.
#[must_use]
pub fn asyncapi_yaml() -> String {
    // Writing cannot fail: the document has string keys and plain values only.
    yaml_serde::to_string(&sorted(document())).unwrap_or_default()
}

fn document() -> Value {
    let subjects = Subjects::default();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "AWE events on NATS",
            "version": "1.0",
            "description": format!(
                "Every event of every approval request, in JetStream stream `{events_stream}`. At least once, \
                 deduplicated by `Nats-Msg-Id`; per request in `sequence` order in normal running. After a \
                 recovery, `sequence` is the order. An acknowledged message may be lost with the stream and is \
                 then published again, so consumers drop event ids that they have seen.\n\n\
                 `{approved}` is every approval, `{one_type}` is one artifact type.",
                events_stream = subjects.events_stream(),
                approved = format_args!("{}.events.request_approved.>", subjects.prefix()),
                one_type = format_args!("{}.events.*.registry_change_request.*", subjects.prefix()),
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "nats": {
                "host": "nats:4222",
                "protocol": "nats",
                "description": "The bus beside AWE; its address is configured",
            },
        },
        "channels": {
            "events": {
                "address": format!("{}.events.{{event_type}}.{{artifact_type}}.{{request_id}}", subjects.prefix()),
                "title": "Events",
                "description": format!("In JetStream stream `{}`.", subjects.events_stream()),
                "parameters": {
                    "event_type": {"description": "What happened", "enum": event_types()},
                    "artifact_type": {
                        "description":
                            "Artifact type of the request, every character outside [A-Za-z0-9_-] as _",
                        "examples": ["registry_change_request"],
                    },
                    "request_id": {
                        "description": "Id of the request",
                        "examples": ["0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10"],
                    },
                },
                "messages": {"event": {"$ref": "#/components/messages/event"}},
            },
            "commitHint": {
                "address": subjects.hint_commit(),
                "title": "Commit hint",
                "description": "Something was committed: wakes up who would else poll. In no stream. For AWE's own \
                    processes; losing one costs a poll interval.",
                "messages": {"hint": {"$ref": "#/components/messages/hint"}},
            },
            "eventsHint": {
                "address": subjects.hint_events(),
                "title": "Events hint",
                "description": "Events were published: wakes up who serves streams. In no stream. For AWE's own \
                    processes; losing one costs a poll interval.",
                "messages": {"hint": {"$ref": "#/components/messages/hint"}},
            },
            "deliveryWork": {
                "address": subjects.work_delivery(),
                "title": "Deliveries to attempt",
                "description": format!(
                    "Work queue in JetStream stream `{}`. For AWE's own processes.", subjects.work_stream()
                ),
                "messages": {"work": {"$ref": "#/components/messages/work"}},
            },
            "resolveWork": {
                "address": subjects.work_resolve(),
                "title": "Stages to resolve",
                "description": format!(
                    "Work queue in JetStream stream `{}`. For AWE's own processes.", subjects.work_stream()
                ),
                "messages": {"work": {"$ref": "#/components/messages/work"}},
            },
        },
        "operations": {
            "publishEvent": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "summary": "AWE publishes every event once its cause is committed",
                "messages": [{"$ref": "#/channels/events/messages/event"}],
            },
        },
        "components": {
            "messages": {
                "event": {
                    "name": "event",
                    "title": "Something happened to a request",
                    "contentType": "application/json",
                    "headers": headers(),
                    "payload": {"$ref": "#/components/schemas/WebhookEvent"},
                },
                "hint": {"name": "hint", "title": "Look; what it carries is private to AWE"},
                "work": {"name": "work", "title": "Something to do; what it carries is private to AWE"},
            },
            "schemas": {"WebhookEvent": payload()},
        },
    })
}

fn event_types() -> Vec<&'static str> {
    EventType::ALL.iter().map(|event_type| event_type.as_str()).collect()
}

/// Returns the schema of the body, with the description and the field order of the `OpenAPI` document.
fn payload() -> Value {
    // Writing cannot fail: a schema has string keys and plain values only.
    serde_json::to_value(WebhookEvent::schema()).unwrap_or_default()
}

fn headers() -> Value {
    json!({
        "type": "object",
        "required": [
            "Nats-Msg-Id", "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time",
        ],
        "properties": {
            "Nats-Msg-Id": {"type": "string", "format": "uuid", "description": "Id of the event"},
            "ce-specversion": {"type": "string", "const": "1.0", "description": "CloudEvents version"},
            "ce-id": {"type": "string", "format": "uuid", "description": "Id of the event"},
            "ce-source": {
                "type": "string", "format": "uri-reference", "description": "/v1/awe/requests/<request id>",
            },
            "ce-type": {"type": "string", "description": "org.openg2p.awe.<event type>"},
            "ce-subject": {"type": "string", "format": "uuid", "description": "Id of the request"},
            "ce-time": {"type": "string", "format": "date-time", "description": "When it happened"},
            "traceparent": {"type": "string", "description": "W3C trace context of the transition"},
        },
    })
}

/// Sorts the keys, because the order in which the JSON library keeps them depends on the build.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        plain => plain,
    }
}
