//! JSON whose shape the contract leaves open.

/// A JSON object.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;
