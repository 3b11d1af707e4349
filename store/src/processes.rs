//! The processes that run. Each of them updates its row now and then.

use crate::{Error, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

/// The circuit of a caller's endpoint that is not closed, as a process sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circuit {
    pub caller_service: String,
    /// Scheme, host and port.
    pub endpoint: String,
    /// `open`: nothing is sent; `probing`: one webhook tries whether it answers.
    pub state: String,
}

/// A process as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Made when the process starts.
    pub id: Uuid,
    /// Name of its machine.
    pub host: String,
    pub version: String,
    pub roles: Vec<String>,
    /// Whether it has a staff directory to ask.
    pub directory: bool,
    /// Its loops that do not run as they should, in words for operators.
    pub troubles: Vec<String>,
    /// Circuits of endpoints that are not closed, as [`Circuit`]s.
    pub circuits: Value,
    pub started_at: OffsetDateTime,
}

impl Store {
    /// Notes that this process runs, and deletes processes that have not been seen for an hour.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn note_process(&self, process: &Process) -> Result<(), Error> {
        sqlx::query!(
            "with gone as (delete from process where seen_at < now() - interval '1 hour' and id <> $1)
             insert into process (id, host, version, roles, directory, troubles, started_at, circuits, seen_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, now())
             on conflict (id) do update
                 set seen_at = now(), troubles = excluded.troubles, circuits = excluded.circuits",
            process.id,
            process.host,
            process.version,
            &process.roles,
            process.directory,
            &process.troubles,
            process.started_at,
            process.circuits
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Deletes this process, which has ended in order.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn forget_process(&self, id: Uuid) -> Result<(), Error> {
        sqlx::query!("delete from process where id = $1", id).execute(&self.pool).await?;
        Ok(())
    }

    /// Processes that were seen within the last minute.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn processes(&self) -> Result<Vec<Process>, Error> {
        let rows = sqlx::query_as!(
            Process,
            "select id, host, version, roles, directory, troubles, circuits, started_at from process
             where seen_at > now() - interval '1 minute' order by started_at"
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}
