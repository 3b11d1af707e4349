//! Who changed what: one append-only row for each administrative act, written in the transaction of the act.

use crate::once::Once;
use crate::page::{Cursor, LOOKED_THROUGH, List, and, containing, cut, page, rows};
use crate::pool::Connection;
use crate::{Error, Store};
use schemas::api::audit::AuditActionOut;
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

/// Somebody who acts.
#[derive(Debug, Clone, PartialEq)]
pub struct Actor {
    /// The token's `sub`.
    pub subject: String,
    /// Shown to auditors, never compared.
    pub email: Option<String>,
    /// The key under which they act; `None` = none, and doing it again does it again.
    pub once: Option<Once>,
}

/// What was done to what.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// One of the actions in `docs/audit.md`, for example `policy.activate`.
    pub action: &'static str,
    /// Kind of what was changed, for example `policy`.
    pub resource_type: &'static str,
    /// Id of what was changed; `*` = several.
    pub resource_id: String,
    /// One line for people.
    pub summary: Option<String>,
    /// What was changed, as it was.
    pub before: Option<Value>,
    /// What was changed, as it is now.
    pub after: Option<Value>,
    pub metadata: Option<Value>,
}

/// Which audit rows to list. Texts and ids must be equal; a field that is `None` matches any.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub resource_type: Option<String>,
    pub resource_id: Option<String>,
    /// Only rows of this moment or later.
    pub since: Option<OffsetDateTime>,
    /// Only rows before this moment.
    pub until: Option<OffsetDateTime>,
    /// Case-insensitive substring of actor, e-mail, action, resource or summary.
    pub search_text: Option<String>,
    /// Most rows in the list.
    pub limit: u32,
    /// Only rows after this place.
    pub cursor: Option<Cursor>,
}

pub(crate) async fn insert(connection: &mut Connection, actor: &Actor, record: &Record) -> Result<(), Error> {
    sqlx::query!(
        "insert into audit_action
             (id, occurred_at, actor, actor_email, action, resource_type, resource_id, summary, before, after, metadata)
         values ($1, clock_timestamp(), $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        Uuid::now_v7(),
        actor.subject,
        actor.email,
        record.action,
        record.resource_type,
        record.resource_id,
        record.summary,
        record.before,
        record.after,
        record.metadata,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Serializes a value for `before` or `after`.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<Option<Value>, Error> {
    serde_json::to_value(value).map(Some).map_err(|e| Error::Internal(Box::new(e)))
}

impl AuditFilter {
    /// The rows that indexes find, in order, at most [`LOOKED_THROUGH`].
    fn push_found(&self, query: &mut QueryBuilder<Postgres>) {
        query.push("select * from audit_action where true");
        if let (Some(kind), Some(id)) = (&self.resource_type, &self.resource_id) {
            and(query, "resource_type = ", Some(kind.clone()));
            and(query, "resource_id = ", Some(id.clone()));
        }
        and(query, "occurred_at >= ", self.since);
        and(query, "occurred_at < ", self.until);
        rows(query, "occurred_at", "id", self.cursor, LOOKED_THROUGH);
    }
}

impl Store {
    /// Notes that somebody read the configuration of a process.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn note_config_read(&self, actor: &Actor) -> Result<(), Error> {
        let record =
            Record { summary: Some("read the configuration".to_owned()), ..config("system_config.read") };
        insert(&mut self.pool.connection().await?, actor, &record).await
    }

    /// Notes that somebody changed what a process logs.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn note_log_level(&self, before: &str, after: &str, actor: &Actor) -> Result<(), Error> {
        let record = Record {
            summary: Some("changed what a process logs".to_owned()),
            metadata: Some(serde_json::json!({"before": before, "after": after})),
            ..config("system_config.log_level")
        };
        insert(&mut self.pool.connection().await?, actor, &record).await
    }

    /// Notes that somebody exported the configuration, and whether with its secrets.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn note_config_export(
        &self,
        format: &str,
        include_sensitive: bool,
        actor: &Actor,
    ) -> Result<(), Error> {
        let with = if include_sensitive { "with" } else { "without" };
        let record = Record {
            summary: Some(format!("exported the configuration as {format}, {with} secrets")),
            metadata: Some(serde_json::json!({"format": format, "include_sensitive": include_sensitive})),
            ..config("system_config.export")
        };
        insert(&mut self.pool.connection().await?, actor, &record).await
    }
}

fn config(action: &'static str) -> Record {
    Record { action, resource_type: "system_config", resource_id: "*".to_owned(), ..Record::default() }
}

#[derive(sqlx::FromRow)]
pub(crate) struct AuditRow {
    id: Uuid,
    occurred_at: OffsetDateTime,
    actor: String,
    actor_email: Option<String>,
    action: String,
    resource_type: String,
    resource_id: String,
    summary: Option<String>,
    before: Option<Value>,
    after: Option<Value>,
    metadata: Option<Value>,
}

impl From<AuditRow> for AuditActionOut {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            occurred_at: row.occurred_at,
            actor: row.actor,
            actor_email: row.actor_email,
            action: row.action,
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            summary: row.summary,
            before: row.before,
            after: row.after,
            metadata_: row.metadata,
        }
    }
}

impl Store {
    /// A page of audit rows, newest first, and the cursor of the next page if there is one. Where a filter is one that no
    /// index serves, a page may hold less than it could, or nothing, and go on with its cursor.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_audit(
        &self,
        filter: &AuditFilter,
    ) -> Result<(Vec<AuditActionOut>, Option<String>), Error> {
        let mut query = QueryBuilder::<Postgres>::new(
            "select id, occurred_at, actor, actor_email, action, resource_type, resource_id, summary,
                    before, after, metadata
             from (",
        );
        filter.push_found(&mut query);
        query.push(") found where true");
        and(&mut query, "actor = ", filter.actor.clone());
        and(&mut query, "action = ", filter.action.clone());
        and(&mut query, "resource_type = ", filter.resource_type.clone());
        and(&mut query, "resource_id = ", filter.resource_id.clone());
        if let Some(text) = filter.search_text.as_deref().filter(|text| !text.is_empty()) {
            let words =
                "concat_ws(' ', actor, actor_email, action, resource_type, resource_id, summary) ilike ";
            and(&mut query, words, Some(containing(text)));
        }
        page(&mut query, "occurred_at", "id", None, filter.limit);
        let mut snapshot = self.pool.snapshot().await?;
        let mut rows: Vec<AuditRow> = query.build_query_as().fetch_all(&mut *snapshot).await?;
        let place = |row: &AuditRow| Cursor { list: List::Audit, at: row.occurred_at, id: row.id };
        let next = match cut(&mut rows, filter.limit, place) {
            None => behind_looked_at(&mut snapshot, filter).await?,
            next => next,
        };
        snapshot.commit().await?;
        Ok((rows.into_iter().map(Into::into).collect(), next))
    }
}

/// The cursor behind the rows that a page has looked through, if there may be more.
async fn behind_looked_at(snapshot: &mut Connection, filter: &AuditFilter) -> Result<Option<String>, Error> {
    let mut query = QueryBuilder::<Postgres>::new("select occurred_at, id from (");
    filter.push_found(&mut query);
    query.push(") found order by occurred_at desc, id desc offset ").push_bind(LOOKED_THROUGH - 1);
    let last: Option<(OffsetDateTime, Uuid)> = query.build_query_as().fetch_optional(snapshot).await?;
    Ok(last.map(|(at, id)| Cursor { list: List::Audit, at, id }.to_string()))
}
