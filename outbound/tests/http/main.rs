//! Calls over real sockets to a server of the test's own.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod client;
mod server;
mod tokens;
