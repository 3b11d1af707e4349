#![doc = include_str!("../README.md")]

mod connection;
mod credentials;
mod error;
mod examine;
mod hints;
mod message;
mod publish;
mod streams;
mod work;

pub use connection::{Bus, Options};
pub use error::Error;
pub use examine::ServerFacts;
pub use message::{Message, Told};
pub use streams::StreamState;
pub use work::{Work, WorkItem};
