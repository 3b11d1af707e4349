#![doc = include_str!("../README.md")]

mod background;
mod catalog;
pub mod clock;
mod context_schema;
mod delivery;
mod directory;
mod error;
mod handle;
mod loops;
mod notifier;
mod nudge;
mod people;
mod queue;
mod register;
mod relay;
mod request;
mod resolver;
mod retention;
mod shapes;
mod signals;
mod sla;
mod supervisor;
mod system;
#[cfg(test)]
mod tests;

pub use context_schema::ContextSchema;
pub use delivery::{Courier, Sent, Signer};
pub use directory::{Directories, Directory, NoDirectory, Question};
pub use error::Error;
pub use handle::{Created, NewRequest, Requests};
pub use loops::{Loops, Trouble};
pub use notifier::NotifierOptions;
pub use system::{
    COMMIT_WRITER, EndpointOptions, Options, RelayOptions, RequestOptions, ResolverOptions, RetentionOptions,
    Roles, SlaOptions, StartError, System, WebhookOptions,
};
