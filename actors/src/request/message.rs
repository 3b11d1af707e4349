//! The messages of request actors and their answers.

use crate::Error;
use crate::catalog::Version;
use engine::command::{Command, Transition};
use ractor::RpcReplyPort;
use schemas::api::request::{CreateRequestIn, CreateRequestOut};
use std::sync::Arc;
use store::commit::Meta;
use store::once::Once;
use telemetry::Origin;
use time::OffsetDateTime;

/// A message to a request actor.
pub(crate) enum Message {
    /// Become a new request.
    Create(Arc<NewRequest>, Origin, RpcReplyPort<Result<Arc<Applied>, Error>>),
    /// Apply a command.
    Apply(Arc<Order>, Origin, RpcReplyPort<Result<Arc<Applied>, Error>>),
    /// Panic, as a bug would, for tests.
    #[cfg(test)]
    Crash,
}

/// A command, and the key under which it is given.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) command: Command,
    /// `None`: the command may be carried out as often as it is given.
    pub(crate) once: Option<Once>,
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
    /// This is the stored answer of an earlier call with the same idempotency key.
    pub replayed: bool,
}

/// What a command has led to.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) transition: Arc<Transition>,
    pub(crate) meta: Arc<Meta>,
    /// The policy version of the request.
    pub(crate) version: Arc<Version>,
    /// Time of the last event, as the row's `updated_at`.
    pub(crate) updated_at: OffsetDateTime,
    /// A resolver owes the request an answer.
    pub(crate) unresolved: bool,
}
