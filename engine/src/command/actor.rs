//! The actors that the history names where no person acted.

/// Acts when a request expires.
pub(crate) const SYSTEM: &str = "system";
/// Acts when a deadline has passed.
pub(crate) const SLA: &str = "system:sla";
/// Acts when a resolver answers, or says that it cannot.
pub(crate) const RESOLVER: &str = "system:resolver";
