//! The committed OpenAPI document is what the code says.

use data_custodian::openapi;
use std::path::Path;

#[test]
fn the_committed_document_is_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/data-custodian-openapi.json");
    if std::env::var_os("AWE_REGENERATE").is_some() {
        std::fs::write(&file, openapi::text()).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == openapi::text(), "schemas/data-custodian-openapi.json is stale: run `./dev gen`");
}
