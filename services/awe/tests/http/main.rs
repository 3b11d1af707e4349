//! The HTTP API over real sockets, a real Postgres and a real NATS.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod access;
mod against;
mod as_code;
mod contexts;
mod decisions;
mod envelopes;
mod evidence;
mod feed;
mod flow;
mod gate;
mod hostile;
mod keys;
mod limits;
mod policies;
mod progress;
#[path = "../../../../outbound/tests/http/server.rs"]
mod receiver;
mod rules;
mod server;
mod settled;
mod staff;
mod system_config;
mod tokens;
mod wires;
mod words;
