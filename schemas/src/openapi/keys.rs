//! `Idempotency-Key`, which every call takes that changes something by POST.

use crate::api::ErrorEnvelope;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Ref, Type};
use utoipa::openapi::{
    ContentBuilder, Header, HeaderBuilder, Paths, RefOr, Required, Response, ResponseBuilder,
};

/// Calls that change nothing, so that doing them again does no harm.
const HARMLESS: [&str; 3] = ["validate_policy", "simulate_policy_version", "replay_policy_version"];

const KEY: &str = "Makes a retry safe: the same key and body from the same subject replays the first answer, for 24 hours \
    unless configured otherwise";
const MALFORMED: &str = "AWE-010: the key is given twice, or is no text of 1 to 255 ASCII characters";
const REUSED: &str = "AWE-009: the key was used for something else";

/// Describes the key, and what a replay looks like, wherever a key is taken.
pub(super) fn describe(paths: &mut Paths) {
    let calls = paths.paths.values_mut().filter_map(|item| item.post.as_mut());
    for call in calls.filter(|call| call.operation_id.as_deref().is_none_or(|id| !HARMLESS.contains(&id))) {
        take_key(call);
    }
}

fn take_key(call: &mut Operation) {
    let key = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(KEY))
        .schema(Some(
            ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255)),
        ))
        .build();
    call.parameters.get_or_insert_default().push(RefOr::T(key));
    let answers = &mut call.responses.responses;
    for (_, answer) in answers.iter_mut().filter(|(status, _)| status.starts_with('2')) {
        if let RefOr::T(answer) = answer {
            answer.headers.insert("Idempotency-Replayed".to_owned(), RefOr::T(replayed()));
        }
    }
    for (status, refused) in [("400", MALFORMED), ("409", REUSED)] {
        match answers.get_mut(status) {
            Some(RefOr::T(answer)) => answer.description = format!("{}; {refused}", answer.description),
            _ => drop(answers.insert(status.to_owned(), RefOr::T(refusal(refused)))),
        }
    }
}

fn refusal(description: &str) -> Response {
    let schema = Ref::from_schema_name(ErrorEnvelope::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content("application/json", content).build()
}

fn replayed() -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::Boolean).build()))
        .description(Some("`true` when an earlier answer is replayed"))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_that_changes_something_by_post_takes_a_key() {
        let document = serde_json::to_value(super::super::openapi()).expect("the document is JSON");
        let mut harmless = Vec::new();
        for (path, item) in document["paths"].as_object().expect("it has paths") {
            let Some(call) = item.get("post") else { continue };
            let parameters = call["parameters"].as_array().into_iter().flatten();
            let keys = parameters.filter(|parameter| parameter["name"] == "Idempotency-Key").count();
            match call["operationId"].as_str() {
                Some(id) if HARMLESS.contains(&id) => harmless.push(id),
                _ => {
                    let told = |status| call["responses"][status].is_object();
                    assert!(keys == 1 && told("400") && told("409"), "{path}");
                }
            }
        }
        assert_eq!(harmless.len(), HARMLESS.len());
    }
}
