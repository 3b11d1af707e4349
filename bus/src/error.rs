//! The error of everything on the bus.

/// Why the bus did not do what was asked. All of it but a refusal passes when the server is back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is malformed, or the server rejects the credentials.
    #[error("cannot connect to NATS")]
    Connect(#[from] async_nats::ConnectError),
    /// There is no connection at the moment.
    #[error("no connection")]
    NotConnected,
    /// A message could not be handed to the connection in time.
    #[error("publish: no connection")]
    NotSent,
    /// The server gave no answer, or another one than was asked for.
    #[error("{action}: {source}")]
    Server {
        /// What was asked of the server.
        action: String,
        /// The answer, or why there is none.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The last event of a batch is in the stream, and not all of the others are right before it.
    #[error("publish: the stream has not taken every event")]
    Gap,
    /// Reading a part of the stream took too long.
    #[error("reading the stream took too long")]
    ReadTimeout,
    /// The pull on a queue has broken and must be made anew.
    #[error("the pull has ended")]
    PullEnded,
    /// The server will never take this message as long as its configuration stays as it is.
    #[error("refused: {0}")]
    Refused(String),
}

impl Error {
    pub(crate) fn server(
        action: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Server { action: action.into(), source: source.into() }
    }
}
