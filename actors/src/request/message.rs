//! What request actors are told, and what they answer.

use crate::Error;
use engine::command::{Command, Transition};
use ractor::RpcReplyPort;
use schemas::api::request::{CreateRequestIn, CreateRequestOut};
use std::sync::Arc;
use store::commit::Meta;
use time::OffsetDateTime;

/// What a request actor is told.
pub(crate) enum Message {
    /// Become a new request.
    Create(Arc<NewRequest>, RpcReplyPort<Result<Arc<Applied>, Error>>),
    /// Apply a command.
    Apply(Arc<Command>, RpcReplyPort<Result<Arc<Applied>, Error>>),
    /// Die in the middle of a message: what a bug would do.
    #[cfg(test)]
    Crash,
}

/// A request to be created.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// The body.
    pub body: CreateRequestIn,
    /// Subject of the token.
    pub subject: String,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
}

/// The answer to a create.
#[derive(Debug, Clone)]
pub struct Created {
    /// Body of the answer.
    pub answer: CreateRequestOut,
    /// It is the stored first answer.
    pub replayed: bool,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) transition: Arc<Transition>,
    pub(crate) meta: Arc<Meta>,
    /// The time of the last event written, as the row's `updated_at`.
    pub(crate) updated_at: OffsetDateTime,
    /// A resolver owes the request an answer.
    pub(crate) unresolved: bool,
}
