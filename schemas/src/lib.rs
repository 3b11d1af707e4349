#![doc = include_str!("../README.md")]

pub mod api;
pub mod asyncapi;
pub mod etag;
pub mod event;
pub mod json;
pub mod moment;
pub mod openapi;
pub mod policy;
pub mod policy_schema;
pub mod webhook;

pub use asyncapi::asyncapi_yaml;
pub use openapi::{QueryParameters, openapi_json};
pub use policy_schema::policy_schema_json;

/// Writes indented JSON with a final line break.
fn pretty_json(document: &impl serde::Serialize) -> String {
    // Writing cannot fail: both documents have string keys and plain values only.
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}
