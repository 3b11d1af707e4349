//! Calls over real sockets to a server of the test's own.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod client;
mod gate;
mod gate_check;
mod logs;
mod registration;
mod server;
mod tokens;
