//! The parts that a process may play.

/// Parts that a process may play; each scales by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "six independent switches are what this is")]
pub struct Roles {
    /// HTTP API.
    pub api: bool,
    /// Approver resolution.
    pub resolver: bool,
    /// Deadlines.
    pub sla: bool,
    /// Webhook delivery.
    pub delivery: bool,
    /// Outbox to bus.
    pub relay: bool,
    /// E-mail.
    pub notifier: bool,
}
