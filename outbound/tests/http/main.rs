//! Calls over real sockets to a server of the test's own.
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

/// Short, for what never answers.
const IMPATIENCE: std::time::Duration = std::time::Duration::from_millis(300);
