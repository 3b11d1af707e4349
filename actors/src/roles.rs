//! The roles of a process.

use enumset::{EnumSet, EnumSetType};

/// The roles that a process plays.
pub type Roles = EnumSet<Role>;

/// A part that a process may play; each scales by itself.
#[derive(Debug, EnumSetType)]
pub enum Role {
    /// Serves the HTTP API.
    Api,
    /// Resolves approvers.
    Resolver,
    /// Watches deadlines, and deletes what has reached its age.
    Sla,
    /// Delivers webhooks.
    Delivery,
    /// Publishes events from the outbox to the bus.
    Relay,
    /// Sends mail.
    Notifier,
}

impl Role {
    /// The word for it on the command line and in the table of processes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Resolver => "resolver",
            Self::Sla => "sla",
            Self::Delivery => "delivery",
            Self::Relay => "relay",
            Self::Notifier => "notifier",
        }
    }

    /// The role of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Roles::all().into_iter().find(|role| role.as_str() == word)
    }
}
