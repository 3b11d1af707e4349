//! Examples: of every body that is sent, of every answer, and of every error that a route answers.

mod answers;
mod bodies;
mod clauses;
mod facts;

use crate::api::{ErrorDetail, ErrorEnvelope, Location, Reason, ValidationDetail};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, OpenApi, PathItem, Ref, RefOr, Response};

const JSON: &str = "application/json";
/// 2026-01-31T08:15:00Z.
const MOMENT: i64 = 1_769_847_300;

/// Adds an example to every body and answer, and to every error answer one for each error that it stands for.
pub(super) fn describe(document: &mut OpenApi) {
    let answers = answers::Answers::new(document);
    let mut named = Vec::new();
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            sent(operation);
            let id = operation.operation_id.clone().unwrap_or_default();
            for (status, answer) in &mut operation.responses.responses {
                let RefOr::T(answer) = answer else { continue };
                if status.starts_with('2') {
                    answers.describe(&id, answer);
                }
                named.extend(refused(status, answer));
            }
        }
    }
    let components = document.components.get_or_insert_default();
    for reason in named {
        components.examples.insert(reason.as_str().to_owned(), RefOr::T(answered(reason)));
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
    all.into_iter().filter_map(Option::as_mut)
}

fn sent(operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let Some(RefOr::T(body)) = operation.request_body.as_mut() else { return };
    let Some(RefOr::T(content)) = body.content.get_mut(JSON) else { return };
    for (name, summary, value) in bodies::of(&id) {
        let example = ExampleBuilder::new().summary(summary).value(Some(value)).build();
        content.examples.insert(name.to_owned(), RefOr::T(example));
    }
}

/// Refers to the errors that the description names, and returns them.
fn refused(status: &str, answer: &mut Response) -> Vec<Reason> {
    let reasons = clauses::reasons(status, &answer.description);
    if let Some(RefOr::T(content)) = answer.content.get_mut(JSON) {
        refer(content, &reasons);
    }
    reasons
}

fn refer(content: &mut Content, reasons: &[Reason]) {
    for reason in reasons {
        let word = reason.as_str();
        content
            .examples
            .insert(word.to_owned(), RefOr::Ref(Ref::new(format!("#/components/examples/{word}"))));
    }
}

fn answered(reason: Reason) -> Example {
    let value = serde_json::to_value(envelope(reason)).unwrap_or_default();
    ExampleBuilder::new().summary(reason.meaning()).value(Some(value)).build()
}

fn envelope(reason: Reason) -> ErrorEnvelope {
    let detail = |place: [&str; 2], msg: &str| {
        let loc = place.map(|step| Location::Field(step.to_owned())).to_vec();
        vec![ValidationDetail { loc, msg: msg.to_owned(), kind: "value_error".to_owned() }]
    };
    let detail = match reason {
        Reason::FaultyBody => Some(detail(["body", "artifact_id"], "missing field")),
        Reason::FaultyContext => Some(detail(["context", "amount"], "is required by the policy")),
        Reason::FaultyParameter => Some(detail(["query", "limit"], "must be from 1 to 500")),
        Reason::UnknownParameter => Some(detail(["query", "limits"], "is not known; did you mean `limit`?")),
        _ => None,
    };
    let error = ErrorDetail {
        error_code: reason.code().to_owned(),
        message: reason.meaning().trim_end_matches('.').to_owned(),
        reason,
    };
    ErrorEnvelope {
        id: "openg2p.awe".to_owned(),
        version: "1.0".to_owned(),
        responsetime: OffsetDateTime::from_unix_timestamp(MOMENT).unwrap_or(OffsetDateTime::UNIX_EPOCH),
        response: None::<Value>,
        errors: vec![error],
        detail,
        oldest_cursor: matches!(reason, Reason::EventsGone).then(|| "BgAAAAAAABJnLPzA".to_owned()),
    }
}
