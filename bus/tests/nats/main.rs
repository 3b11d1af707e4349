//! What processes are promised of the bus, against a real server. Needs NATS with JetStream: `NATS_URL`.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod away;
mod batch;
mod cable;
mod fixtures;
mod hints;
mod publish;
mod queue;
mod streams;
