//! Deleting what is no longer kept, in small batches. A batch takes only rows that nobody else has locked, in a
//! transaction of its own, so no decision waits for it.

use crate::deliveries::PENDING;
use crate::{Error, Store};
use time::OffsetDateTime;
use uuid::Uuid;

impl Store {
    /// Deletes up to `limit` idempotency keys made before `before`; returns how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn sweep_idempotency_keys(&self, before: OffsetDateTime, limit: i64) -> Result<u64, Error> {
        let swept = sqlx::query!(
            "delete from idempotency_key where (subject, key) in (
                select subject, key from idempotency_key where created_at < $1
                order by created_at limit $2 for update skip locked)",
            before,
            limit
        )
        .execute(&self.hot)
        .await?;
        Ok(swept.rows_affected())
    }

    /// Deletes up to `limit` attempts of webhooks that began before `before`; returns how many. The outcome of each
    /// delivery stays.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn sweep_attempts(&self, before: OffsetDateTime, limit: i64) -> Result<u64, Error> {
        let mut tx = self.hot.begin().await?;
        sqlx::query!("set local awe.retention = 'on'").execute(&mut *tx).await?;
        // Ids begin with their moment, so the oldest are found without an index on `started_at`.
        let swept = sqlx::query!(
            "delete from webhook_attempt where id in (
                select id from (select id, started_at from webhook_attempt order by id limit $2) oldest
                where started_at < $1)",
            before,
            limit
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(swept.rows_affected())
    }

    /// Deletes up to `limit` requests that were completed before `before`, with everything that belongs to them;
    /// returns how many. A request with an event that waits for the stream or a webhook that waits for its receiver
    /// stays. The audit trail stays.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn sweep_requests(&self, before: OffsetDateTime, limit: i64) -> Result<u64, Error> {
        let mut tx = self.hot.begin().await?;
        // The guards of history let rows be deleted only in a transaction that sets this.
        sqlx::query!("set local awe.retention = 'on'").execute(&mut *tx).await?;
        let gone: Vec<Uuid> = sqlx::query_scalar!(
            "select r.id from approval_request r
             where r.created_at < $1 and r.completed_at < $1
                and not exists (select from approval_event e where e.request_id = r.id and (
                    e.position > (select settled from outbox_batch order by id desc limit 1)
                    or e.position in (select position from outbox_again)))
                and not exists (select from webhook_delivery d where d.request_id = r.id and d.status = $3)
             order by r.created_at, r.id limit $2 for update of r skip locked",
            before,
            limit,
            // A parameter, not a literal, keeps the planner off the index of all that waits: see
            // `deliveries::PENDING`.
            PENDING
        )
        .fetch_all(&mut *tx)
        .await?;
        // Rows are deleted before those they refer to; attempts are deleted with their delivery.
        sqlx::query!("delete from webhook_delivery where request_id = any($1)", &gone)
            .execute(&mut *tx)
            .await?;
        // What is kept counted by day counts what is kept. Locked: nobody counts on meanwhile.
        sqlx::query!(
            r"with tally as materialized (select position from request_tally for share),
            gone as (delete from approval_event where request_id = any($1) returning position, created_at, event_type),
            refused as (delete from outbox_refused where position in (select position from gone))
            update request_day d set created = d.created - f.created, approved = d.approved - f.approved,
                rejected = d.rejected - f.rejected, cancelled = d.cancelled - f.cancelled, expired = d.expired - f.expired
            from (select (created_at at time zone 'UTC')::date as day,
                    count(*) filter (where event_type = 'request_created') as created,
                    count(*) filter (where event_type = 'request_approved') as approved,
                    count(*) filter (where event_type = 'request_rejected') as rejected,
                    count(*) filter (where event_type = 'request_cancelled') as cancelled,
                    count(*) filter (where event_type = 'request_expired') as expired
                from gone where position <= (select position from tally) and event_type like 'request\_%' group by 1) f
            where d.day = f.day",
            &gone
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!("delete from approval_decision where task_id in (select id from approval_task where request_id = any($1))",
            &gone)
            .execute(&mut *tx)
            .await?;
        sqlx::query!("delete from approval_task where request_id = any($1)", &gone).execute(&mut *tx).await?;
        sqlx::query!("delete from approval_request where id = any($1)", &gone).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
    }
}
