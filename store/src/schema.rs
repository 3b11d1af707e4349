//! How far the schema of a database is, compared with the migrations of this program.

use crate::{Error, MIGRATIONS, Store};
use sqlx::PgConnection;
use std::collections::BTreeSet;
use std::time::Duration;

/// Key of the advisory lock that migrations run under: any number that no other advisory lock of this database uses.
const MIGRATION_LOCK: i64 = 0x4157_454d_4947_5241;
/// How often a process looks again while another one migrates.
const MIGRATION_POLL: Duration = Duration::from_millis(50);

/// A migration of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its timestamp, `20261130120200`.
    pub version: i64,
    /// What it does, in the words of its file name.
    pub description: String,
}

/// The migrations that a database has, and those that it has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// Applied ones that this program knows.
    pub applied: usize,
    /// Those that are still to be applied, in order.
    pub pending: Vec<Migration>,
    /// Applied ones that this program does not know: a newer program migrated.
    pub newer: Vec<i64>,
}

impl Schema {
    /// Whether this program can serve: nothing is pending.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.pending.is_empty()
    }
}

/// The database has tables of ours and no migration: another program made them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this database holds tables of another program, AWE 1.0 perhaps: use an empty database, and take over what is here \
     with `awe import upstream`"
)]
struct Occupied;

impl Store {
    /// Brings the schema up to date. Safe when many replicas start together: an advisory lock lets one of them
    /// migrate at a time.
    ///
    /// # Errors
    /// [`Error::Internal`] when a migration fails, an applied one was edited, or the tables are another program's.
    pub async fn migrate(&self) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        // Building an index may take longer than a statement of a request may.
        sqlx::query("set statement_timeout = 0").execute(&mut *connection).await?;
        // sqlx would wait for a lock of its own within a statement. A concurrent index build waits for every
        // statement that runs, so a process must not wait for its turn inside one.
        while !sqlx::query_scalar::<_, bool>("select pg_try_advisory_lock($1)")
            .bind(MIGRATION_LOCK)
            .fetch_one(&mut *connection)
            .await?
        {
            tokio::time::sleep(MIGRATION_POLL).await;
        }
        // A program that was rolled back finds a schema that is newer than its own, and serves with it.
        let found = read(&mut connection).await?;
        let migrated = if found.applied == 0 && is_occupied(&mut connection).await? {
            Err(Error::Internal(Box::new(Occupied)))
        } else if found.pending.is_empty() && !found.newer.is_empty() {
            Ok(())
        } else {
            MIGRATIONS.run(&mut *connection).await.map_err(|error| Error::Internal(Box::new(error)))
        };
        // The lock ends with the session.
        connection.close().await?;
        migrated?;
        let hashed = self.hash_started_policies().await?;
        if hashed > 0 {
            tracing::info!(hashed, "texts of started policy versions were hashed");
        }
        Ok(())
    }

    /// Reads how far the schema is. An empty database has no schema, and everything is pending.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer, [`Error::Internal`] when it refuses.
    pub async fn schema(&self) -> Result<Schema, Error> {
        self.pool.bounded(async { read(&mut *self.pool.acquire().await?).await }).await
    }
}

/// Reads how far the schema of the connection's database is.
pub(crate) async fn read(connection: &mut PgConnection) -> Result<Schema, Error> {
    let exists = sqlx::query_scalar::<_, bool>("select to_regclass('_sqlx_migrations') is not null")
        .fetch_one(&mut *connection)
        .await?;
    let applied: BTreeSet<i64> = match exists {
        true => sqlx::query_scalar("select version from _sqlx_migrations where success")
            .fetch_all(connection)
            .await?
            .into_iter()
            .collect(),
        false => BTreeSet::new(),
    };
    Ok(compare(&applied))
}

/// Whether there is a table that our first migration would make.
async fn is_occupied(connection: &mut PgConnection) -> Result<bool, Error> {
    let found = sqlx::query_scalar("select to_regclass('approval_policy') is not null");
    Ok(found.fetch_one(connection).await?)
}

fn compare(applied: &BTreeSet<i64>) -> Schema {
    let known: BTreeSet<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
    let pending =
        MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)).map(|migration| {
            Migration { version: migration.version, description: migration.description.to_string() }
        });
    Schema {
        applied: applied.intersection(&known).count(),
        pending: pending.collect(),
        newer: applied.difference(&known).copied().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pending_and_what_is_newer_is_told_apart() {
        let all: BTreeSet<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        let (first, last) = (*all.first().unwrap(), *all.last().unwrap());
        assert_eq!(compare(&all), Schema { applied: all.len(), ..Schema::default() });
        let empty = compare(&BTreeSet::new());
        assert_eq!((empty.applied, empty.pending.len(), empty.is_current()), (0, all.len(), false));
        assert!(
            empty.pending[0].version == first && empty.pending[0].description.contains("create policies")
        );
        let mut other = all.clone();
        other.remove(&last);
        other.insert(last + 1);
        let found = compare(&other);
        assert_eq!((found.pending.len(), found.pending[0].version), (1, last));
        assert_eq!(found.newer, [last + 1]);
    }
}
