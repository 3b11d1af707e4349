//! Drivers, not brains: actors that carry commands to the engine, its transitions to the database, and news from
//! there to whoever waits. The only room that speaks ractor.
//!
//! Cast: [`Requests`] is the only public door; behind it one actor per live request ([`request`]), under sharded
//! supervisors that outlive them. Background work shares one shape ([`background`]): a `run_once`, and a loop that
//! only schedules. Every loop is supervised ([`loops`]). [`System`] starts and stops all of it.

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
pub use relay::RelayOptions;
pub use request::{Created, NewRequest, RequestOptions};
pub use resolver::ResolverOptions;
pub use retention::RetentionOptions;
pub use roles::Roles;
pub use sla::SlaOptions;
pub use system::{Options, System};
