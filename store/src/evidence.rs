//! Everything that is known of requests as of one moment, to be exported for an auditor.

use crate::audit::AuditRow;
use crate::policies::by_id;
use crate::pool::Transaction;
use crate::{Error, Store, What};
use schemas::api::{AuditActionOut, EvidenceOut};
use schemas::policy::{canonical_text, text_sha256};
use serde_json::Value;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

/// A period of time, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First moment of the period.
    pub since: OffsetDateTime,
    /// First moment after the period.
    pub until: OffsetDateTime,
}

/// Place of a row in a list that runs oldest first: its moment and its id.
pub type Place = (OffsetDateTime, Uuid);

/// The database as of one moment: a read-only transaction that stays open as long as this is held.
#[derive(Debug)]
pub struct Snapshot {
    tx: Transaction,
    as_of: OffsetDateTime,
}

/// The rows of one request.
#[derive(sqlx::FromRow)]
struct Rows {
    policy_id: Uuid,
    request: Value,
    tasks: Json<Vec<Value>>,
    decisions: Json<Vec<Value>>,
    events: Json<Vec<Value>>,
    deliveries: Json<Vec<Value>>,
}

impl Store {
    /// Opens a snapshot of the database; it does not show what is committed later.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn snapshot_evidence(&self) -> Result<Snapshot, Error> {
        let mut tx = self.pool.snapshot().await?;
        // Whoever receives the export may read slowly, and the transaction is idle meanwhile.
        sqlx::query("set local idle_in_transaction_session_timeout = 0").execute(&mut *tx).await?;
        let as_of = sqlx::query_scalar("select now()").fetch_one(&mut *tx).await?;
        Ok(Snapshot { tx, as_of })
    }
}

impl Snapshot {
    /// Everything about one request. Nothing is redacted yet.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn of_request(&mut self, id: Uuid) -> Result<EvidenceOut, Error> {
        let rows: Option<Rows> = sqlx::query_as(include_str!("evidence/request.sql"))
            .bind(id)
            .fetch_optional(&mut *self.tx)
            .await?;
        let rows = rows.ok_or(Error::NotFound(What::Request))?;
        let policy = by_id(&mut self.tx, rows.policy_id).await?;
        let audit = self.audit_of(id, &policy.policy_key, policy.version, policy.id).await?;
        let is_seat = |task: &&Value| task["kind"] == "approver" && task["seated"] == true;
        let internal = |error: serde_json::Error| Error::Internal(Box::new(error));
        Ok(EvidenceOut {
            as_of: self.as_of,
            request: rows.request,
            policy_text: canonical_text(&policy).map_err(internal)?,
            policy_text_sha256: text_sha256(&policy).map_err(internal)?,
            policy,
            seats: rows.tasks.iter().filter(is_seat).cloned().collect(),
            tasks: rows.tasks.0,
            decisions: rows.decisions.0,
            events: rows.events.0,
            deliveries: rows.deliveries.0,
            audit,
        })
    }

    async fn audit_of(
        &mut self,
        request: Uuid,
        policy_key: &str,
        policy_version: i32,
        policy_id: Uuid,
    ) -> Result<Vec<AuditActionOut>, Error> {
        let rows: Vec<AuditRow> = sqlx::query_as(
            "select id, occurred_at, actor, actor_email, action, resource_type, resource_id, summary, before, after,
                    metadata
             from audit_action
             where (resource_type, resource_id) in (
                 select 'request', $1::text
                 union all select 'task', id::text from approval_task where request_id = $1::uuid
                 union all select 'delivery', id::text from webhook_delivery where request_id = $1::uuid
                 union all select 'policy', unnest($2::text[]))
             order by occurred_at, id",
        )
        .bind(request.to_string())
        .bind([policy_id.to_string(), format!("{policy_key}:{policy_version}")])
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// How many requests and administrative actions belong to a period.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn count(&mut self, period: Period) -> Result<u64, Error> {
        let count: i64 = sqlx::query_scalar(
            "select (select count(*) from approval_request
                     where created_at < $2 and (completed_at is null or completed_at >= $1))
                  + (select count(*) from audit_action where occurred_at >= $1 and occurred_at < $2)",
        )
        .bind(period.since)
        .bind(period.until)
        .fetch_one(&mut *self.tx)
        .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The next `limit` requests after a place that were under way at any time of a period, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn requests(
        &mut self,
        period: Period,
        after: Option<Place>,
        limit: i64,
    ) -> Result<Vec<Place>, Error> {
        let (at, id) = after.unzip();
        let places = sqlx::query_as(
            "select created_at, id from approval_request
             where created_at < $2 and (completed_at is null or completed_at >= $1)
               and ($3::timestamptz is null or (created_at, id) > ($3, $4))
             order by created_at, id limit $5",
        )
        .bind(period.since)
        .bind(period.until)
        .bind(at)
        .bind(id)
        .bind(limit)
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(places)
    }

    /// The next `limit` administrative actions of a period after a place, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn audit(
        &mut self,
        period: Period,
        after: Option<Place>,
        limit: i64,
    ) -> Result<Vec<AuditActionOut>, Error> {
        let (at, id) = after.unzip();
        let rows: Vec<AuditRow> = sqlx::query_as(
            "select id, occurred_at, actor, actor_email, action, resource_type, resource_id, summary, before, after,
                    metadata
             from audit_action
             where occurred_at >= $1 and occurred_at < $2
               and ($3::timestamptz is null or (occurred_at, id) > ($3, $4))
             order by occurred_at, id limit $5",
        )
        .bind(period.since)
        .bind(period.until)
        .bind(at)
        .bind(id)
        .bind(limit)
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}
