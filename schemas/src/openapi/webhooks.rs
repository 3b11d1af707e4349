//! What AWE sends to `callback_url`.

use crate::event::WebhookEvent;
use crate::webhook;
use utoipa::ToSchema as _;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Ref, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Paths, PathsBuilder, Required, Response};

const HEADERS: [(&str, bool, &str); 7] = [
    (webhook::EVENT_ID, true, "Id of the event, the same in every attempt"),
    (webhook::TIMESTAMP, true, "Unix seconds of this attempt"),
    (
        webhook::SIGNATURE,
        false,
        "`sha256=` and the hex HMAC-SHA256 of `<timestamp>.<raw body>`, keyed with the UTF-8 bytes of the active \
         secret as it was shown; absent when the caller has no secret",
    ),
    (webhook::STANDARD_ID, true, "Standard Webhooks: id of the event"),
    (webhook::STANDARD_TIMESTAMP, true, "Standard Webhooks: unix seconds of this attempt"),
    (
        webhook::STANDARD_SIGNATURE,
        false,
        "Standard Webhooks: `v1,<base64>` for each live secret, separated by spaces",
    ),
    ("traceparent", false, "W3C trace context of the transition"),
];

/// The `webhooks` section.
pub(super) fn webhooks() -> Paths {
    let event = Ref::from_schema_name(WebhookEvent::name());
    let body = RequestBodyBuilder::new()
        .content("application/json", ContentBuilder::new().schema(Some(event)).build())
        .required(Some(Required::True))
        .build();
    let mut operation = OperationBuilder::new()
        .operation_id(Some("approval-event"))
        .tag("webhooks")
        .summary(Some("Something happened to a request"))
        .description(Some(
            "Sent to the request's `callback_url` for every event except `decision_recorded`, `task_claimed` and \
             `stage_skipped`, or for those in `callback_events`. At least once: drop an event id that was seen. \
             Any status but 2xx, redirects included, is a failure and is tried again.",
        ))
        .security(SecurityRequirement::default())
        .request_body(Some(body))
        .response("2XX", Response::new("Received"))
        .response("default", Response::new("Not received: tried again"));
    for (name, required, description) in HEADERS {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Header)
                .required(if required { Required::True } else { Required::False })
                .description(Some(description))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
                .build(),
        );
    }
    PathsBuilder::new().path("approval-event", PathItem::new(HttpMethod::Post, operation.build())).build()
}
