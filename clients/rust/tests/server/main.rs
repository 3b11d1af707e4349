//! The client on a running server, which `./dev clients` starts, and behind a proxy that loses answers.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod calls;
mod credentials;
mod events;
mod failures;
mod own_server;
mod policies;
mod proxy;
mod retries;
mod support;
mod waiting;
