//! Calls over real sockets to a server that the test runs.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod client;
mod gate;
mod gate_check;
mod http_rule;
mod keycloak;
mod logs;
mod registration;
mod server;
mod tokens;
mod webhooks;

/// The timeout where nobody answers.
const IMPATIENCE: std::time::Duration = std::time::Duration::from_millis(300);
