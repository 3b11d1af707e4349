#![doc = include_str!("../README.md")]

mod background;
mod catalog;
pub mod clock;
mod commit_writer;
mod context_schema;
mod delivery;
mod directory;
mod error;
mod fresh;
mod handle;
mod hints;
mod loops;
mod notifier;
mod options;
mod people;
mod queue;
mod register;
mod relay;
mod request;
mod resolve_work;
mod resolver;
mod retention;
mod roles;
mod shapes;
mod signals;
mod sla;
mod supervisor;
mod system;
#[cfg(test)]
mod tests;

pub use commit_writer::COMMIT_WRITER;
pub use context_schema::ContextSchema;
pub use delivery::{Courier, EndpointOptions, Sent, Signer, WebhookOptions};
pub use directory::{Directories, Directory, NoDirectory, Question};
pub use error::{Error, StartError};
pub use handle::Requests;
pub use loops::{Loops, Trouble};
pub use notifier::NotifierOptions;
pub use options::Options;
pub use relay::RelayOptions;
pub use request::{Created, NewRequest, RequestOptions};
pub use resolver::ResolverOptions;
pub use retention::RetentionOptions;
pub use roles::{Role, Roles};
pub use sla::SlaOptions;
pub use system::System;
