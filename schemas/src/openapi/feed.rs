//! The feed: `/events` and `/stream`.
#![expect(dead_code, reason = "each function carries the description of a route")]

use super::answers::Guarded;
use crate::api::{ErrorEnvelope, FeedQuery, StreamQuery};
use crate::event::WebhookEvent;

/// Pull events
///
/// Events of all requests, each once, in one order that is the same for every reader; those of a request by
/// `sequence`. Whoever follows `X-Next-Cursor` misses none, also when events are committed late or NATS is away. A page
/// looks at a bounded number of events, so it may be empty although more follow; the cursor moves on all the same. When
/// it stays as it is, everything was read: ask again after a while. Any token.
#[utoipa::path(
    get, path = "/v1/awe/events", tag = "events", params(FeedQuery),
    responses(
        (status = 200, description = "Events, oldest first", body = Vec<WebhookEvent>,
            headers(("X-Next-Cursor" = String, description = "`after` of the next page; always there"))),
        (status = 410, description = "AWE-014: events after this cursor are no longer kept; `oldest_cursor` says where \
            to go on", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn list_events() {}

/// Follow events
///
/// Server-sent events, as `GET /events` has them. Each has the type as `event`, a cursor as `id` and the JSON object as
/// `data`. Every 15 s, and at the beginning, a comment comes with an `id` that says how far was looked. Come again with
/// the last `id` as `Last-Event-ID` or `after`: nothing is missing, for as long as events are kept. The last event,
/// `resume`, tells why the stream ends (`ResumeOut`). Any token; the stream ends with it.
#[utoipa::path(
    get, path = "/v1/awe/stream", tag = "events",
    params(StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "The last `id` that came",
        example = "BgAAAAAAABJnLPzA")),
    responses(
        (status = 200, description = "Events as they happen", body = String, content_type = "text/event-stream",
            example = "event: request_approved\nid: BgAAAAAAABJnLPzA\ndata: {\"event_id\":\"0199c1f2-7c1e-7d3a-9a55-000000000007\",\"event_type\":\"request_approved\",\"sequence\":7}\n\n"),
        (status = 410, description = "AWE-014: events after this cursor are no longer kept; `oldest_cursor` says where \
            to go on", body = ErrorEnvelope),
        Guarded,
        (status = 429, description = "AWE-007: too many streams of this caller (`server.max_streams_per_caller`)",
            body = ErrorEnvelope, headers(("Retry-After" = u32, description = "Seconds to wait"))),
        (status = 503, description = "AWE-005: starting or stopping; AWE-006: the database is away or has no room; \
            AWE-007: overloaded, or something needed is away; AWE-007: as many streams as this process serves. \
            Safe to try again", body = ErrorEnvelope, headers(("Retry-After" = u32, description = "Seconds to wait"))),
    ),
)]
fn follow_events() {}
