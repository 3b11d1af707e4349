//! The surroundings of a command.

use crate::delegation::Delegations;
use crate::policy::Policy;
use time::OffsetDateTime;

/// What a command is judged by, besides the request itself.
#[derive(Debug, Clone, Copy)]
pub struct Environment<'a> {
    /// The policy version that the request keeps.
    pub policy: &'a Policy,
    /// The delegations that the caller knows, and the people whom the directory does not know.
    pub delegations: &'a Delegations,
    /// The time of the command. The engine reads no clock.
    pub now: OffsetDateTime,
}
