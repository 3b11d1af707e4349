//! Taking over from the AWE 1.0 that came before: its tables are read by a connection of their own and written here in
//! one transaction. The names of the tables are the same, their columns are not.

mod write;

pub use write::{Takeover, Written};

use crate::Error;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use std::str::FromStr as _;
use std::time::Duration;

/// How long the server may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows of one page.
const PAGE: i64 = 500;

/// A table of the database that is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    /// The columns that are read, besides `id`. One that is missing ends the import; further ones are ignored.
    pub columns: &'static [&'static str],
}

/// What is read, in the order in which it is written here.
pub const TABLES: [Table; 10] = [
    Table {
        name: "approval_policy",
        columns: &[
            "policy_key",
            "version",
            "name",
            "description",
            "status",
            "artifact_type",
            "created_by",
            "forbid_self_approval",
            "forbid_repeat_approvers",
            "created_at",
            "updated_at",
        ],
    },
    Table {
        name: "approval_stage",
        columns: &[
            "policy_id",
            "stage_order",
            "name",
            "mode",
            "mode_value",
            "sla_hours",
            "parallel_group",
            "skip_if",
            "on_empty",
            "on_breach",
            "escalation_rules_json",
        ],
    },
    Table {
        name: "approver_rule",
        columns: &["stage_id", "rule_type", "rule_value", "kind", "required", "created_at"],
    },
    // The secrets themselves are not read: they are sealed under a key that is not ours.
    Table { name: "callback_secret", columns: &["caller_service"] },
    Table {
        name: "approval_request",
        columns: &[
            "policy_id",
            "policy_key",
            "policy_version",
            "artifact_type",
            "artifact_id",
            "source_service",
            "requester",
            "context",
            "status",
            "current_stage_order",
            "callback_url",
            "completed_at",
            "created_at",
            "updated_at",
        ],
    },
    Table {
        name: "approval_task",
        columns: &[
            "request_id",
            "stage_id",
            "stage_order",
            "assignee",
            "kind",
            "delegated_from",
            "reassigned_from",
            "status",
            "claimed_at",
            "completed_at",
            "due_at",
            "created_at",
            "updated_at",
        ],
    },
    Table {
        name: "approval_decision",
        columns: &[
            "request_id",
            "task_id",
            "stage_order",
            "actor",
            "action",
            "comment",
            "attachments_ref",
            "created_at",
        ],
    },
    Table { name: "approval_event", columns: &["request_id", "event_type", "payload", "created_at"] },
    Table {
        name: "webhook_delivery",
        columns: &[
            "event_id",
            "url",
            "attempt",
            "status",
            "next_attempt_at",
            "last_attempt_at",
            "last_status_code",
            "last_error",
            "created_at",
            "updated_at",
        ],
    },
    Table {
        name: "user_delegation",
        columns: &[
            "user_id",
            "delegate_to",
            "starts_at",
            "ends_at",
            "reason",
            "created_by",
            "created_at",
            "updated_at",
        ],
    },
];

/// The database that is taken over, as of one moment; nothing is ever written there.
#[derive(Debug)]
pub struct Source {
    connection: PgConnection,
}

impl Source {
    /// Connects, and holds the moment until it is dropped.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the server does not answer.
    pub async fn connect(url: &SecretString) -> Result<Self, Error> {
        let options = PgConnectOptions::from_str(url.expose_secret())?
            .application_name("awe import")
            .options([("statement_timeout", "120s")]);
        let connecting = tokio::time::timeout(PATIENCE, options.connect());
        let mut connection = connecting.await.map_err(|_| Error::gone())??;
        sqlx::query("begin transaction isolation level repeatable read read only")
            .execute(&mut connection)
            .await?;
        Ok(Self { connection })
    }

    /// `table.column` of each that should be read and is not there.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn missing(&mut self) -> Result<Vec<String>, Error> {
        let there: Vec<String> = sqlx::query_scalar(
            "select table_name || '.' || column_name from information_schema.columns
             where table_schema = any (current_schemas(false))",
        )
        .fetch_all(&mut self.connection)
        .await?;
        let wanted = TABLES.iter().flat_map(|table| {
            std::iter::once("id")
                .chain(table.columns.iter().copied())
                .map(|column| format!("{}.{column}", table.name))
        });
        Ok(wanted.filter(|column| !there.contains(column)).collect())
    }

    /// The next rows of a table behind this id, by id; each as JSON with its columns as members. None: that was all.
    ///
    /// # Errors
    /// [`Error::Unavailable`], or a column that is missing.
    pub async fn page(&mut self, table: Table, after: &str) -> Result<Vec<Value>, Error> {
        // Names come from the constant above.
        let columns: Vec<String> = table.columns.iter().map(|column| format!("t.{column}")).collect();
        let text = format!(
            "select to_jsonb(row) as body from (select t.id::text as id, {} from {} t where t.id::text > $1
             order by t.id::text limit $2) row",
            columns.join(", "),
            table.name
        );
        let rows =
            sqlx::query(AssertSqlSafe(text)).bind(after).bind(PAGE).fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| row.try_get("body").map_err(Error::from)).collect()
    }

    /// Ends the connection.
    pub async fn close(self) {
        // It has only read: whatever this comes to changes nothing.
        let _ = self.connection.close().await;
    }
}
