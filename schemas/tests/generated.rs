//! The committed contract documents are the ones that the types give. `AWE_REGENERATE=1` writes them.

use std::path::Path;

fn committed_is_current(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("AWE_REGENERATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, generated).expect("the document can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "schemas/{name} is stale: run `AWE_REGENERATE=1 cargo test -p schemas --test generated`"
    );
}

#[test]
fn the_committed_openapi_document_is_the_generated_one() {
    committed_is_current("openapi.json", &schemas::openapi_json());
}

#[test]
fn the_committed_asyncapi_document_is_the_generated_one() {
    committed_is_current("asyncapi.yaml", &schemas::asyncapi_yaml());
}

#[test]
fn the_committed_schema_of_policies_is_the_generated_one() {
    committed_is_current("policy.schema.json", &schemas::policy_schema_json());
}

#[test]
fn every_reference_in_the_openapi_document_leads_somewhere() {
    let document = serde_json::to_value(schemas::openapi::openapi()).expect("the document is JSON");
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        match value {
            serde_json::Value::Object(map) => {
                if let Some(serde_json::Value::String(target)) = map.get("$ref") {
                    let pointer = target.trim_start_matches('#');
                    assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
                }
                waiting.extend(map.values());
            }
            serde_json::Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
}

#[test]
fn every_operation_id_is_used_once() {
    let document = serde_json::to_value(schemas::openapi::openapi()).expect("the document is JSON");
    let mut seen = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths is an object") {
        for (method, operation) in operations.as_object().expect("a path is an object") {
            let id = operation["operationId"].as_str().expect("every operation has an id");
            assert!(seen.insert(id.to_owned()), "{id} of {method} {path} is used twice");
        }
    }
}

/// The routes take these words from the same lists; only the descriptions write them out.
#[test]
fn every_status_that_a_list_filters_by_is_described() {
    let document = serde_json::to_value(schemas::openapi::openapi()).expect("the document is JSON");
    for (path, words) in [
        ("/v1/awe/requests", engine::request::RequestStatus::WORDS),
        ("/v1/awe/tasks", engine::request::TaskStatus::WORDS),
        ("/v1/awe/tasks/stats", engine::request::TaskStatus::WORDS),
        ("/v1/awe/admin/deliveries", &schemas::api::DeliveryStatus::WORDS),
    ] {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().expect("it has parameters");
        let status = parameters.iter().find(|parameter| parameter["name"] == "status");
        let description = status.and_then(|status| status["description"].as_str()).unwrap_or_default();
        for word in words {
            assert!(description.contains(&format!("`{word}`")), "{path} does not describe {word}");
        }
    }
}
