//! What `awe doctor` asks of the database: how it is set, and whether anything is stuck. Reads only.

mod evidence;
mod waiting;

pub use evidence::Guards;
pub use waiting::HeldBack;

use crate::vault::Vault;
use crate::{Error, MIGRATIONS, Store};
use std::collections::BTreeSet;
use time::OffsetDateTime;

/// How the server is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// For people, for example `18.6`.
    pub version: String,
    /// For comparing: 180006.
    pub version_num: i32,
    /// Its clock.
    pub now: OffsetDateTime,
    /// Settings that durability rests on: name and value.
    pub settings: Vec<(String, String)>,
    /// Connections that it accepts.
    pub max_connections: i32,
}

/// How many rows are in a state that somebody should look at. In a healthy installation all are 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// `in_review` and nobody can decide anything: cannot happen.
    pub in_review_stuck: i64,
    /// `pending` and no resolution is planned: cannot happen.
    pub pending_stuck: i64,
    /// Terminal with an open task: cannot happen.
    pub terminal_open: i64,
    /// The last sequence is not that of the last event, among requests that are not terminal: cannot happen.
    pub sequence_wrong: i64,
    /// A resolution is due for more than a minute: no process resolves.
    pub resolution_late: i64,
    /// A deadline of a task or request has passed for more than a minute: no process watches deadlines.
    pub deadline_late: i64,
    /// Events wait for the stream for more than a minute: no process relays, or NATS is away.
    pub unpublished_late: i64,
    /// The stream refuses events, and they were set aside.
    pub refused: i64,
    /// Webhooks are due for more than a minute and nobody attempts them: no process delivers.
    pub delivery_late: i64,
    /// Webhooks that were given up.
    pub exhausted: i64,
}

/// Migrations of this program against those of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Of this program and not applied.
    pub missing: usize,
    /// Applied and unknown to this program: it is older than the database.
    pub unknown: usize,
}

impl Store {
    /// How the server is set.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn facts(&self) -> Result<Facts, Error> {
        let row = sqlx::query!(
            r#"select current_setting('server_version') as "version!",
                current_setting('server_version_num')::int as "version_num!",
                clock_timestamp() as "now!", current_setting('max_connections')::int as "max_connections!""#
        )
        .fetch_one(&self.pool)
        .await?;
        let settings = sqlx::query!(
            r#"select name as "name!", setting as "setting!" from pg_settings
               where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by name"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(Facts {
            version: row.version,
            version_num: row.version_num,
            now: row.now,
            settings: settings.into_iter().map(|s| (s.name, s.setting)).collect(),
            max_connections: row.max_connections,
        })
    }

    /// Which migrations are applied.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no schema at all.
    pub async fn schema(&self) -> Result<Schema, Error> {
        // Not checked against a database at build time: the table is the migrator's own.
        let applied: Vec<i64> = sqlx::query_scalar("select version from _sqlx_migrations where success")
            .fetch_all(&self.pool)
            .await?;
        let ours: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        Ok(Schema {
            missing: ours.iter().filter(|version| !applied.contains(version)).count(),
            unknown: applied.iter().filter(|version| !ours.contains(version)).count(),
        })
    }

    /// Rows that somebody should look at.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn stuck(&self) -> Result<Counts, Error> {
        let row = sqlx::query_file!("src/doctor/stuck.sql").fetch_one(&self.pool).await?;
        Ok(Counts {
            in_review_stuck: row.in_review_stuck,
            pending_stuck: row.pending_stuck,
            terminal_open: row.terminal_open,
            sequence_wrong: row.sequence_wrong,
            resolution_late: row.resolution_late,
            deadline_late: row.deadline_late,
            unpublished_late: row.unpublished_late,
            refused: row.refused,
            delivery_late: row.delivery_late,
            exhausted: row.exhausted,
        })
    }
}

/// Secrets that sign, and how many of them cannot be opened with the configured master keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// All that may still sign.
    pub live: usize,
    /// Of these, not to be opened.
    pub closed: usize,
    /// Names of credentials that webhooks are sent with, each once.
    pub credentials: BTreeSet<String>,
}

impl Store {
    /// Tries to open every secret that may still sign.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn check_secrets(&self, vault: &Vault) -> Result<Secrets, Error> {
        let callers: Vec<String> = sqlx::query_scalar!(
            "select distinct caller_service from callback_secret where status <> 'revoked'"
        )
        .fetch_all(&self.pool)
        .await?;
        let found = self.live_secrets_for(&callers, OffsetDateTime::now_utc(), vault).await?;
        let closed = found.values().filter(|secrets| secrets.is_err()).count();
        let open: usize = found.values().flatten().map(Vec::len).sum();
        let credentials =
            found.into_values().flatten().flatten().filter_map(|secret| secret.credential).collect();
        Ok(Secrets { live: open + closed, closed, credentials })
    }
}
