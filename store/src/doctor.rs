//! What `awe doctor` asks the database: its settings, and whether anything is stuck. Reads only.

mod evidence;
mod waiting;

pub use evidence::Guards;
pub use waiting::HeldBack;

use crate::vault::Vault;
use crate::{Error, Store};
use std::collections::BTreeSet;
use time::OffsetDateTime;

/// The settings of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Version for people, for example `18.6`.
    pub version: String,
    /// Version for comparing, for example 180006.
    pub version_num: i32,
    /// The server's clock.
    pub now: OffsetDateTime,
    /// Settings that durability depends on: name and value.
    pub settings: Vec<(String, String)>,
    /// Most connections that it accepts.
    pub max_connections: i32,
}

/// How many rows are in a state that somebody should look at. In a healthy installation all are 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests that are `in_review` while nobody can decide anything: cannot happen.
    pub in_review_stuck: i64,
    /// Requests that are `pending` while no resolution is planned: cannot happen.
    pub pending_stuck: i64,
    /// Open tasks of terminal requests: cannot happen.
    pub terminal_open: i64,
    /// Requests, not terminal, whose last sequence is not that of their last event: cannot happen.
    pub sequence_wrong: i64,
    /// Requests whose open work is not told as their rows say: cannot happen.
    pub open_work_wrong: i64,
    /// Events, among the newest, of requests that do not exist: cannot happen.
    pub orphaned: i64,
    /// Resolutions that have been due for more than a minute: no process resolves.
    pub resolution_late: i64,
    /// Deadlines of tasks and requests that passed more than a minute ago: no process watches deadlines.
    pub deadline_late: i64,
    /// Events that have waited for the stream for more than a minute: no process relays, or NATS is away.
    pub unpublished_late: i64,
    /// Events that the stream refuses and that were set aside.
    pub refused: i64,
    /// Webhooks that have been due for more than a minute and are not attempted: no process delivers.
    pub delivery_late: i64,
    /// Webhooks that were given up.
    pub exhausted: i64,
}

impl Store {
    /// The settings of the server.
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

    /// Counts rows that somebody should look at.
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
            open_work_wrong: row.open_work_wrong,
            orphaned: row.orphaned,
            resolution_late: row.resolution_late,
            deadline_late: row.deadline_late,
            unpublished_late: row.unpublished_late,
            refused: row.refused,
            delivery_late: row.delivery_late,
            exhausted: row.exhausted,
        })
    }
}

/// Secrets that may sign, and how many of them cannot be opened with the configured master keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Secrets that may sign.
    pub live: usize,
    /// Of these, those that cannot be opened; counted once for a caller.
    pub closed: usize,
    /// Names of credentials that webhooks are sent with.
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
