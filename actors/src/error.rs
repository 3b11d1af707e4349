use outbound::error_chain;

/// Why a command was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No such request.
    #[error("request does not exist")]
    UnknownRequest,
    /// No such task.
    #[error("task does not exist")]
    UnknownTask,
    /// No such policy or version.
    #[error("policy does not exist")]
    UnknownPolicy,
    /// The key has no active version.
    #[error("policy {0} has no active version")]
    NoActivePolicy(String),
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] engine::command::Refusal),
    /// The idempotency key was used with another body.
    #[error("Idempotency-Key was used before with another body")]
    IdempotencyMismatch,
    /// Another create with the idempotency key was first; its answer is to be replayed.
    #[error("Idempotency-Key is in use")]
    KeyTaken,
    /// A field that the type of the body cannot check.
    #[error("{field}: {message}")]
    Invalid {
        /// Name of the field.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// The context violates the policy's schema. Every fault, with its path from the body on.
    #[error("the context does not keep the policy's schema")]
    Context(Vec<schemas::api::ValidationDetail>),
    /// The artifact type of a request differs from its policy's.
    #[error("artifact_type is {given}, and policy {key} is for {expected}")]
    ArtifactType {
        /// The policy's key.
        key: String,
        /// What the policy is for.
        expected: String,
        /// What the request says.
        given: String,
    },
    /// Too much is under way; nothing was done.
    #[error("too many commands under way")]
    Overloaded,
    /// The database gave no answer. It is unknown whether the command was carried out.
    #[error("{0}")]
    Unavailable(store::Outage),
    /// The actor or the writer gave no answer in time. It is unknown whether the command was carried out.
    #[error("not answered in time")]
    Unanswered,
    /// A directory or service gave no answer. A retry is safe.
    #[error(transparent)]
    Directory(outbound::DirectoryError),
    /// Events after the reader's place were deleted by retention. From this place on nothing is missing.
    #[error("events after this place are no longer kept")]
    FeedGone(store::feed::Place),
    /// No event of this database ever had the reader's place.
    #[error("no event of this database had this place")]
    FeedUnreached,
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(outage, source) => {
                tracing::warn!(error = %source, "{outage}");
                Self::Unavailable(outage)
            }
            store::Error::NotFound(store::What::Policy) => Self::UnknownPolicy,
            store::Error::NotFound(store::What::Request) => Self::UnknownRequest,
            store::Error::NotFound(store::What::Task) => Self::UnknownTask,
            store::Error::Conflict(store::Clash::KeyTaken, _) => Self::KeyTaken,
            // Every caller that can be stale has retried as often as it may.
            store::Error::Stale => Self::Overloaded,
            other => Self::Internal(error_chain(&other)),
        }
    }
}

impl From<bus::Error> for Error {
    fn from(error: bus::Error) -> Self {
        Self::Internal(error_chain(&error))
    }
}

/// Why a process could not start its part.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An actor could not be started.
    #[error("an actor could not be started")]
    Spawn(#[from] ractor::SpawnErr),
    /// The HTTP client could not be set up.
    #[error("outbound HTTP cannot be set up")]
    Transport(#[source] outbound::SetupError),
}
