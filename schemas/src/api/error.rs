//! The error body of every answer that is not 2xx.

mod reason;

pub use reason::Reason;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// Stable code for programs.
    #[serde(rename = "errorCode")]
    #[schema(example = "AWE-003")]
    pub error_code: String,
    /// Words for people. Reveals nothing internal.
    #[schema(example = "request 0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10 does not exist")]
    pub message: String,
    /// Which error it is: a stable word for programs, with one meaning where a code has several.
    pub reason: Reason,
}

/// One step on the way to a faulty value: a field name or a list index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Location {
    /// A field.
    Field(String),
    /// An index, from 0.
    Index(u64),
}

/// The path as people read it: `stages[0].mode`.
#[must_use]
pub fn dotted(way: &[Location]) -> String {
    let mut path = String::new();
    for step in way {
        match step {
            Location::Field(name) if path.is_empty() => path.push_str(name),
            Location::Field(name) => path.extend([".", name]),
            Location::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

/// The path as a JSON Pointer (RFC 6901): `/stages/0/mode`.
#[must_use]
pub fn pointer(way: &[Location]) -> String {
    let step = |step: &Location| match step {
        Location::Field(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        Location::Index(index) => format!("/{index}"),
    };
    way.iter().map(step).collect()
}

/// What is wrong with one value of a body or query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationDetail {
    /// Where, from the outside in; ends in the name of the field.
    #[schema(example = json!(["body", "stages", 0, "stage_order"]))]
    pub loc: Vec<Location>,
    /// What is wrong.
    #[schema(example = "invalid type: string \"first\", expected i32")]
    pub msg: String,
    /// Kind of fault.
    #[serde(rename = "type")]
    #[schema(example = "value_error")]
    pub kind: String,
}

/// Body of every answer that is not 2xx.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorEnvelope {
    /// Which service answers.
    #[schema(example = "openg2p.awe")]
    pub id: String,
    /// Version of the envelope.
    #[schema(example = "1.0")]
    pub version: String,
    /// When it answered.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub responsetime: OffsetDateTime,
    /// Always null.
    #[schema(value_type = Option<Object>, required = true)]
    pub response: Option<Value>,
    /// What went wrong; at least one.
    pub errors: Vec<ErrorDetail>,
    /// Only with 422: what is wrong with which value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Vec<ValidationDetail>>,
    /// Only with 410: the oldest place in the feed from which on nothing is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "BgAAAAAAABJnLPzA")]
    pub oldest_cursor: Option<String>,
}
