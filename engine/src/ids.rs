//! Every id type of the model. Ids are made outside the engine and handed in, so that it stays deterministic.

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
    /// A task: one seat's work item.
    TaskId,
    /// A recorded decision.
    DecisionId,
    /// An event of a request's history; also the deduplication id on the bus and at webhook receivers.
    EventId,
}

/// Where fresh ids come from. The engine never draws randomness itself.
pub trait IdSource {
    /// A fresh id, unique for ever and, preferably, increasing (UUIDv7).
    fn fresh(&mut self) -> Uuid;
}
