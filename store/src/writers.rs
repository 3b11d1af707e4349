//! Who may still insert events at positions below one that was seen.
//!
//! A position is drawn when an event is inserted and seen when that is committed, so a lower one may appear after a
//! higher one, or never. But a transaction locks `approval_event` for writing before it draws a position, and until it
//! has ended and its rows are seen. So a gap below an event that was seen can be filled only by one of the transactions
//! that hold this lock now; once these have ended, it stays empty for good. Ids of transactions would not do: an insert
//! draws its position a moment before its transaction is given an id.
//!
//! So nobody waits for a transaction that only reads, writes other tables or belongs to another database, however long
//! it runs, and never for one that began to write after the question. What AWE itself writes holds the lock for
//! milliseconds, and for some 40 s at the very most, because the server ends a statement after 10 s and a transaction
//! that stays idle after 30 s. Somebody who writes events by hand in an open transaction does hold up what lies above
//! their position, because it may indeed appear.

use crate::{Error, Store};
use std::collections::HashSet;

/// The transactions that hold the lock with which events are inserted, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writers(HashSet<String>);

impl Writers {
    /// Whether nobody was writing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether none of these is among those who were writing `later`.
    #[must_use]
    pub fn have_ended(&self, later: &Self) -> bool {
        self.0.is_disjoint(&later.0)
    }
}

impl FromIterator<String> for Writers {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

impl Store {
    /// Whoever is inserting events now. What others have inserted is seen by every read that begins afterwards.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn event_writers(&self) -> Result<Writers, Error> {
        let writers = sqlx::query_scalar!(
            r#"select virtualtransaction as "writer!" from pg_locks
               where locktype = 'relation' and relation = 'approval_event'::regclass and mode = 'RowExclusiveLock'
                   and database = (select oid from pg_database where datname = current_database()) and granted"#
        );
        Ok(writers.fetch_all(&self.hot).await?.into_iter().collect())
    }
}
