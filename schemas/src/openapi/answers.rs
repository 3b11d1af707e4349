//! Answers that many routes have in common.

use crate::api::ErrorEnvelope;
use std::collections::BTreeMap;
use utoipa::openapi::schema::{ObjectBuilder, Ref, Type};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// Of every route that needs a token: 401, 422 and 503.
pub(super) struct Guarded;

/// Of every other route: 422, because none accepts parameters that it does not know.
pub(super) struct Parameters;

/// Of every route that reads a body: 413, 415 and 422.
pub(super) struct Body;

fn error(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name(ErrorEnvelope::name());
    ResponseBuilder::new()
        .description(description)
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
}

fn all<const N: usize>(answers: [(u16, Response); N]) -> BTreeMap<String, RefOr<Response>> {
    answers.into_iter().map(|(status, response)| (status.to_string(), RefOr::T(response))).collect()
}

fn unprocessable() -> Response {
    error("AWE-010: a field or parameter is missing, unknown, of a wrong type or out of range; `detail` names it")
        .build()
}

impl IntoResponses for Guarded {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
        let retry_after = HeaderBuilder::new()
            .schema(Some(seconds))
            .description(Some("Seconds to wait before trying again"))
            .build();
        all([
            (401, error("AWE-008: no valid token").build()),
            (422, unprocessable()),
            (
                503,
                error("Overloaded, starting or cut off from something needed; safe to try again")
                    .header("Retry-After", retry_after)
                    .build(),
            ),
        ])
    }
}

impl IntoResponses for Parameters {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        all([(422, unprocessable())])
    }
}

impl IntoResponses for Body {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        all([
            (413, error("AWE-010: the body is larger than the server accepts").build()),
            (415, error("AWE-010: the body is not declared as `application/json`").build()),
            (422, unprocessable()),
        ])
    }
}
