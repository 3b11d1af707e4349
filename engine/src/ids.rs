//! The id types of the model. Ids are drawn outside the engine and handed in, so that it stays deterministic.

use std::fmt;
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

id! {
    /// One version of a policy.
    PolicyId,
    /// A stage of one policy version.
    StageId,
    /// An approver rule of a stage.
    RuleId,
    /// An approval request.
    RequestId,
    /// A task of one approver or observer.
    TaskId,
    /// A recorded decision.
    DecisionId,
    /// An event of a request's history; also the deduplication id on the bus and at webhook receivers.
    EventId,
}

/// A source of fresh ids, because the engine draws no randomness.
pub trait IdSource {
    /// Returns an id that is unique for ever and, preferably, increasing (UUIDv7).
    fn fresh(&mut self) -> Uuid;
}
