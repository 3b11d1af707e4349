//! Bodies and query parameters of the HTTP API under `/v1/awe`, one file a resource.
//!
//! Requests refuse unknown fields and check their own limits while they are read, so a body that parses is a
//! body that keeps its schema. Words that a policy may not know (`mode`, `kind`, ...) stay strings here and are
//! judged by [`crate::policy::to_engine`].

pub mod audit;
pub mod decision;
pub mod delegation;
pub mod delivery;
pub mod directory;
pub mod error;
pub mod evidence;
pub mod feed;
mod limits;
pub mod overview;
pub mod policy;
pub mod policy_check;
pub mod policy_diff;
pub mod policy_replay;
pub mod progress;
pub mod request;
pub mod secret;
pub mod system;
pub mod task;

pub use audit::*;
pub use decision::*;
pub use delegation::*;
pub use delivery::*;
pub use directory::*;
pub use error::*;
pub use evidence::*;
pub use feed::*;
pub use overview::*;
pub use policy::*;
pub use policy_check::*;
pub use policy_diff::*;
pub use policy_replay::*;
pub use progress::*;
pub use request::*;
pub use secret::*;
pub use system::*;
pub use task::*;

/// A JSON object.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;
