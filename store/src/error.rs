use std::error::Error as StdError;

/// What a statement can come to, besides its answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row that was named does not exist.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The row's state does not allow it; the text is fit for the caller.
    #[error("{0}")]
    Conflict(String),
    /// A named constraint refused the row.
    #[error("constraint {0} refused the row")]
    Constraint(String),
    /// The row moved on, or what was cached did, since the decision was taken: load again and decide again.
    #[error("decided on a version that is no longer the newest")]
    Stale,
    /// The database cannot be reached or is too busy. Nothing was written, or it cannot be known: a retry with the
    /// same idempotency key is safe.
    #[error("database unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// A fault of ours.
    #[error("database fault")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
            sqlx::Error::Database(db) => match (db.code().as_deref().unwrap_or_default(), db.constraint()) {
                // connection failure, not let in, insufficient resources, operator intervention, timeout
                (code, _) if ["08", "28", "53", "57"].iter().any(|class| code.starts_with(class)) => {
                    Self::Unavailable(error)
                }
                // no such database (any more), a standby that only reads
                ("3D000" | "25006", _) => Self::Unavailable(error),
                ("40001" | "40P01", _) => Self::Stale,
                ("23505" | "23503" | "23514", Some(name)) => Self::Constraint(name.to_owned()),
                _ => Self::Internal(Box::new(error)),
            },
            _ => Self::Internal(Box::new(error)),
        }
    }
}
