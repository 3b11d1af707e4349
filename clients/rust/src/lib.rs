#![doc = include_str!("../README.md")]

pub mod event;
mod generated;
mod json;
mod receiver;
mod seen;
pub mod webhook;
mod words;

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "client")]
mod call;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(feature = "client")]
mod repeat;
#[cfg(feature = "client")]
mod retry;
#[cfg(feature = "client")]
mod streaming;
#[cfg(feature = "client")]
mod token;
#[cfg(feature = "client")]
mod transport;
#[cfg(feature = "client")]
mod waiting;

pub use event::{AnyEvent, UnknownEvent, WebhookEvent};
pub use generated::words::EventType;
pub use json::JsonObject;
pub use receiver::{MOST_BYTES, Receiver, Reply};
pub use seen::{BoxError, MemorySeenStore, Seen, SeenStore};

#[cfg(feature = "client")]
pub use call::{Page, Tagged};
#[cfg(feature = "client")]
pub use client::{AweClient, AweClientBuilder, Created, every};
#[cfg(feature = "client")]
pub use error::{ApiError, ApiErrorClass, Error, ErrorKind};
#[cfg(feature = "client")]
pub use generated::{models, parameters};
#[cfg(feature = "client")]
pub use repeat::Retry;
#[cfg(feature = "client")]
pub use retry::RetryPolicy;
#[cfg(feature = "client")]
pub use streaming::{Following, Streaming};
#[cfg(feature = "client")]
pub use token::{ClientCredentials, Token};
#[cfg(feature = "client")]
pub use waiting::{Pauses, Polling, Watch, Watcher};
