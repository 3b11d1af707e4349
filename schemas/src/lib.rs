#![doc = include_str!("../README.md")]

pub mod api;
pub mod asyncapi;
pub mod event;
pub mod json;
pub mod moment;
pub mod openapi;
pub mod policy;
pub mod webhook;

pub use asyncapi::asyncapi_yaml;
pub use openapi::{QueryParameters, openapi_json};

/// Indented JSON and a line end.
fn pretty_json(document: &impl serde::Serialize) -> String {
    // Both documents have string keys and plain values only; nothing in them can fail.
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}
