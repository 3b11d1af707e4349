//! Actors of what no person does, as the history names them.

/// The clock, or this engine by itself.
pub(crate) const SYSTEM: &str = "system";
/// A passed deadline.
pub(crate) const SLA: &str = "system:sla";
/// The answer of a directory.
pub(crate) const RESOLVER: &str = "system:resolver";
