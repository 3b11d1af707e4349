//! Answers that many routes have in common.

use crate::api::ErrorEnvelope;
use std::collections::BTreeMap;
use utoipa::openapi::schema::{ObjectBuilder, Ref, Type};
use utoipa::openapi::{ContentBuilder, Header, HeaderBuilder, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// Of every route that needs a token and reads no body: 401, 422, 429 and 503.
pub(super) struct Guarded;

/// Of every other route: 422, because none accepts parameters that it does not know.
pub(super) struct Parameters;

/// Of every route that asks the directory: 503 when it cannot be asked either.
pub(super) struct Directory;

/// Of every route that reads a body: 408, 413, 415 and 422.
pub(super) struct Body;

const UNAVAILABLE: &str = "AWE-005: starting or stopping; AWE-006: the database is away or has no room; \
    AWE-007: overloaded, or something needed is away. Safe to try again";

fn error(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name(ErrorEnvelope::name());
    ResponseBuilder::new()
        .description(description)
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
}

const NO_DIRECTORY: &str = "AWE-005: starting or stopping; AWE-006: the database is away or has no room; \
    AWE-007: overloaded, or something needed is away; AWE-007: the directory cannot be asked. Safe to try again";

fn retry_after() -> Header {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
    HeaderBuilder::new()
        .schema(Some(seconds))
        .description(Some("Seconds to wait before trying again"))
        .build()
}

fn all<const N: usize>(answers: [(u16, Response); N]) -> BTreeMap<String, RefOr<Response>> {
    answers.into_iter().map(|(status, response)| (status.to_string(), RefOr::T(response))).collect()
}

fn parameters() -> Response {
    error("AWE-010: a parameter is unknown or out of range; `detail` names it").build()
}

impl IntoResponses for Guarded {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        all([
            (401, error("AWE-008: no valid token").build()),
            (422, parameters()),
            (
                429,
                error("AWE-007: too many calls of this caller at once")
                    .header("Retry-After", retry_after())
                    .build(),
            ),
            (503, error(UNAVAILABLE).header("Retry-After", retry_after()).build()),
        ])
    }
}

impl IntoResponses for Directory {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        all([(503, error(NO_DIRECTORY).header("Retry-After", retry_after()).build())])
    }
}

impl IntoResponses for Parameters {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        all([(422, parameters())])
    }
}

impl IntoResponses for Body {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        all([
            (408, error("AWE-010: the body did not arrive in time").build()),
            (413, error("AWE-010: the body is larger than the server accepts").build()),
            (415, error("AWE-010: the body is not declared as `application/json`").build()),
            (422, error("AWE-010: a field or parameter is missing, unknown, of a wrong type or out of range; `detail` names it").build()),
        ])
    }
}
