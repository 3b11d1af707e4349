//! The policy under test.

use actors::ContextSchema;
use engine::policy::Policy;

pub(super) struct Subject {
    pub(super) policy: Policy,
    pub(super) schema: Option<ContextSchema>,
}
