//! Drivers, not brains: actors that carry commands to the engine, its transitions to the database, and news from
//! there to whoever waits. The only room that speaks ractor.
//!
//! Cast: [`Requests`] is the only public door; behind it one actor per live request ([`request`]), under sharded
//! supervisors that outlive them. Background work shares one shape ([`background`]): a `run_once`, and a loop that
//! only schedules. Every loop is supervised ([`loops`]). [`System`] starts and stops all of it.

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
