//! The committed contract is the one that the types give. `AWE_REGENERATE=1` writes it.

use serde_json::Value;
use std::path::Path;

#[test]
fn the_committed_openapi_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/registry-openapi.json");
    let generated = registry::routes::openapi_json();
    if std::env::var_os("AWE_REGENERATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, &generated).expect("the document can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "schemas/registry-openapi.json is stale: run `./dev gen`");
}

#[test]
fn every_reference_leads_somewhere() {
    let document: Value = serde_json::from_str(&registry::routes::openapi_json()).expect("JSON");
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target} leads nowhere");
        }
        waiting.extend(value.as_object().into_iter().flat_map(|map| map.values()));
        waiting.extend(value.as_array().into_iter().flatten());
    }
}
