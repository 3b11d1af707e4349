//! What a command is judged against, besides the request itself.

use crate::delegation::Delegations;
use crate::policy::Policy;
use time::OffsetDateTime;

/// What a command is judged against, besides the request itself.
#[derive(Debug, Clone, Copy)]
pub struct Environment<'a> {
    /// The version that the request is pinned to.
    pub policy: &'a Policy,
    /// Delegations known now.
    pub delegations: &'a Delegations,
    /// The time.
    pub now: OffsetDateTime,
}
