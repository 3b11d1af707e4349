//! How people are told of their tasks.

use outbound::Staff;
use outbound::mail::{Letters, Mailer};
use std::sync::Arc;
use std::time::Duration;

/// How people are told of their tasks.
#[derive(Debug, Clone)]
pub struct NotifierOptions {
    /// Sends.
    pub mailer: Mailer,
    /// What is written.
    pub letters: Arc<Letters>,
    /// Knows where people get mail.
    pub directory: Staff,
    /// How long one attempt may take: finding the address and handing the mail over.
    pub timeout: Duration,
    /// How long before a deadline somebody is reminded of it; `None` = never.
    pub remind_before: Option<Duration>,
    /// How often deadlines are looked at.
    pub check_interval: Duration,
}
