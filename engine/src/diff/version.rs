//! What is compared.

use crate::policy::Policy;
use serde_json::Value;

/// One version of a policy, with what the engine's own form leaves out.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    pub policy: &'a Policy,
    /// Shown to people.
    pub name: &'a str,
    /// Shown to people.
    pub description: Option<&'a str>,
    /// The type of artifact that it is for.
    pub artifact_type: &'a str,
    /// JSON Schema that contexts must match.
    pub context_schema: Option<&'a Value>,
}
