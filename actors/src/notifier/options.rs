//! How people are told of their tasks.

use outbound::Staff;
use outbound::mail::{Letters, Mailer};
use std::sync::Arc;
use std::time::Duration;

/// How people are sent mail.
#[derive(Debug, Clone)]
pub struct NotifierOptions {
    /// Sends mails.
    pub mailer: Mailer,
    /// Renders mails.
    pub letters: Arc<Letters>,
    /// Knows mail addresses.
    pub directory: Staff,
    /// Timeout of one attempt: finding the address and handing the mail over.
    pub timeout: Duration,
    /// How long before a deadline a reminder is sent; `None` = never.
    pub remind_before: Option<Duration>,
    /// How often deadlines are checked.
    pub check_interval: Duration,
}
