use std::error::Error as StdError;
use std::fmt;
use std::io::ErrorKind;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row that was named does not exist.
    #[error("{0} does not exist")]
    NotFound(What),
    /// The state of the row does not allow it. The text may be shown to the caller.
    #[error("{1}")]
    Conflict(Clash, String),
    /// A named constraint refused the row.
    #[error("constraint {0} refused the row")]
    Constraint(String),
    /// The row, or something cached, has changed since the decision was taken: load again and decide again.
    #[error("decided on a version that is no longer the newest")]
    Stale,
    /// What is asked for would cost the more the more is finished: the parameter, and what to ask for instead.
    #[error("{0}: {1}")]
    Costly(&'static str, &'static str),
    /// The database gave no answer. Either nothing was written or it is unknown whether it was; a retry with the same
    /// idempotency key is safe.
    #[error("{0}")]
    Unavailable(Outage, #[source] sqlx::Error),
    /// A fault of ours.
    #[error("database fault")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

/// Kinds of rows that callers name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A policy or one of its versions.
    Policy,
    Request,
    Task,
    Delegation,
    Delivery,
    CallbackSecret,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "policy",
            Self::Request => "request",
            Self::Task => "task",
            Self::Delegation => "delegation",
            Self::Delivery => "delivery",
            Self::CallbackSecret => "callback secret",
        })
    }
}

/// What does not allow a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// The policy key is taken.
    PolicyExists,
    /// The version is active or archived, and only drafts are edited.
    NotDraft,
    /// The version is not the active one.
    NotActive,
    /// The text of a version is not the one that was activated.
    TextChanged,
    /// The caller has an active secret.
    SecretExists,
    /// The secret is rotated or revoked.
    SecretNotActive,
    /// The secret would be unfit for use.
    SecretUnfit,
    /// The text of the version is no longer the one that was judged.
    Judged,
    /// The row is not in a state that the caller expects.
    Unexpected,
    /// There are as many rows of this kind as are allowed.
    TooMany,
    /// The status of the delivery does not allow a retry.
    NotRetriable,
    /// The idempotency key is in use.
    KeyTaken,
}

/// Why the database gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    /// The server cannot be reached, or it ended the connection.
    #[error("the database cannot be reached")]
    Away,
    /// No connection was free, or the server has no room for another one or for the statement.
    #[error("the database has no room for more")]
    Busy,
    /// The statement took too long, or waited too long for a locked row.
    #[error("the database took too long")]
    Timeout,
}

impl Outage {
    /// The outage that this SQLSTATE stands for (PostgreSQL, appendix A).
    fn of_code(code: &str) -> Option<Self> {
        match code {
            // query_canceled, lock_not_available
            "57014" | "55P03" => Some(Self::Timeout),
            // the database does not exist (any more), the server is a read-only standby
            "3D000" | "25006" => Some(Self::Away),
            // insufficient resources
            _ if code.starts_with("53") => Some(Self::Busy),
            // connection failure, authentication failure, operator intervention
            _ if ["08", "28", "57"].iter().any(|class| code.starts_with(class)) => Some(Self::Away),
            _ => None,
        }
    }

    fn of(error: &sqlx::Error) -> Option<Self> {
        match error {
            sqlx::Error::Io(io) if io.kind() == ErrorKind::TimedOut => Some(Self::Timeout),
            sqlx::Error::PoolTimedOut => Some(Self::Busy),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Some(Self::Away),
            sqlx::Error::Database(db) => Self::of_code(db.code().as_deref().unwrap_or_default()),
            _ => None,
        }
    }
}

impl Error {
    /// The writer that should have answered is gone.
    pub(crate) const fn gone() -> Self {
        Self::Unavailable(Outage::Away, sqlx::Error::WorkerCrashed)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if let Some(outage) = Outage::of(&error) {
            return Self::Unavailable(outage, error);
        }
        let sqlx::Error::Database(db) = &error else { return Self::Internal(Box::new(error)) };
        match (db.code().as_deref().unwrap_or_default(), db.constraint()) {
            ("40001" | "40P01", _) => Self::Stale,
            ("23505" | "23503" | "23514", Some(name)) => Self::Constraint(name.to_owned()),
            _ => Self::Internal(Box::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn fails(statement: &'static str) -> Error {
        let db = crate::testing::database().await;
        let mut connection = db.pool.acquire().await.expect("connects");
        sqlx::raw_sql(statement).execute(&mut *connection).await.expect_err("it fails").into()
    }

    #[tokio::test]
    async fn a_statement_that_takes_too_long_is_told_apart_from_a_database_that_is_away() {
        let error = fails("set statement_timeout = '20ms'; select pg_sleep(5)").await;
        assert!(matches!(error, Error::Unavailable(Outage::Timeout, _)), "{error:?}");
        let error = fails("select pg_terminate_backend(pg_backend_pid())").await;
        assert!(matches!(error, Error::Unavailable(Outage::Away, _)), "{error:?}");
    }

    #[test]
    fn every_class_of_the_server_has_its_outage() {
        let known = [
            ("57014", Outage::Timeout),
            ("55P03", Outage::Timeout),
            ("53300", Outage::Busy),
            ("53100", Outage::Busy),
            ("57P01", Outage::Away),
            ("08006", Outage::Away),
            ("28P01", Outage::Away),
            ("3D000", Outage::Away),
            ("25006", Outage::Away),
        ];
        for (code, outage) in known {
            assert_eq!(Outage::of_code(code), Some(outage), "{code}");
        }
        assert_eq!(Outage::of_code("42P01"), None, "a fault of ours");
    }
}
