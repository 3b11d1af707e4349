//! How far the schema of a database is, compared with the migrations of this program.

use crate::{Error, MIGRATIONS, Store};
use sqlx::PgConnection;
use std::collections::BTreeSet;

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

impl Store {
    /// Reads how far the schema is. An empty database has no schema, and everything is pending.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer, [`Error::Internal`] when it refuses.
    pub async fn schema(&self) -> Result<Schema, Error> {
        let mut connection = self.pool.acquire().await?;
        read(&mut connection).await
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
