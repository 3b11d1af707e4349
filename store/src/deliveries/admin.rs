//! Webhook deliveries for operators: lists and retries.

use crate::audit::{self, Actor, Record};
use crate::moment::Moment;
use crate::once::Progress;
use crate::page::{Cursor, LOOKED_THROUGH, List, and, cut};
use crate::pool::Connection;
use crate::{Clash, Error, Store, What, once};
use schemas::api::delivery::{DeliveryAttemptOut, DeliveryOut, RetryDeliveriesIn};
use serde_json::json;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

const BATCH: usize = 500;
/// Most deliveries that are looked at to say how many would be retried.
const MOST_LOOKED: i64 = 100_000;
const DELIVERY: Error = Error::NotFound(What::Delivery);

/// Which deliveries to list. Texts and ids must be equal; a field that is `None` matches any.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    pub status: Option<String>,
    pub id: Option<Uuid>,
    pub request_id: Option<Uuid>,
    pub event_type: Option<String>,
    pub url: Option<String>,
    /// Scheme, host and port.
    pub endpoint: Option<String>,
    pub artifact_id: Option<String>,
    /// Created at this moment or later.
    pub since: Option<OffsetDateTime>,
    /// Created before this moment.
    pub until: Option<OffsetDateTime>,
    /// Most deliveries in a page.
    pub limit: u32,
    /// Only deliveries after this place.
    pub cursor: Option<Cursor>,
}

impl DeliveryFilter {
    /// The deliveries that indexes find, in order, at most [`LOOKED_THROUGH`].
    fn push_found(&self, query: &mut QueryBuilder<Postgres>) {
        query.push("select * from webhook_delivery where true");
        and(query, "status = ", self.status.clone());
        and(query, "request_id = ", self.request_id);
        and(query, "id = ", self.id);
        if let Some(artifact_id) = &self.artifact_id {
            query.push(" and request_id in (select id from approval_request where artifact_id = ");
            query.push_bind(artifact_id.clone()).push(")");
        }
        // Ids begin with the moment they were made, so the newest are found by them.
        and(query, "id < ", self.cursor.map(|cursor| cursor.id));
        query.push(" order by id desc limit ").push_bind(LOOKED_THROUGH);
    }
}

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    id: Uuid,
    event_id: Uuid,
    request_id: Uuid,
    event_type: String,
    artifact_type: Option<String>,
    artifact_id: Option<String>,
    url: String,
    status: String,
    attempt: i32,
    next_attempt_at: Moment,
    last_attempt_at: Option<OffsetDateTime>,
    last_status_code: Option<i32>,
    last_error: Option<String>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<DeliveryRow> for DeliveryOut {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            event_id: row.event_id,
            request_id: row.request_id,
            event_type: row.event_type,
            artifact_type: row.artifact_type,
            artifact_id: row.artifact_id,
            url: row.url,
            status: row.status,
            attempt: row.attempt,
            next_attempt_at: row.next_attempt_at.into(),
            last_attempt_at: row.last_attempt_at,
            last_status_code: row.last_status_code,
            last_error: row.last_error,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The last of the rows that a page has looked through, if those behind it may fit: none of them is younger.
async fn last_looked_at(
    snapshot: &mut Connection,
    filter: &DeliveryFilter,
) -> Result<Option<(OffsetDateTime, Uuid)>, Error> {
    let mut query = QueryBuilder::<Postgres>::new("select created_at, id from (");
    filter.push_found(&mut query);
    query.push(") found order by id desc offset ").push_bind(LOOKED_THROUGH - 1);
    let last: Option<(OffsetDateTime, Uuid)> = query.build_query_as().fetch_optional(snapshot).await?;
    Ok(last.filter(|(at, _)| filter.since.is_none_or(|since| *at >= since)))
}

impl Store {
    /// A page of deliveries, newest first, and the cursor of the next page if there is one. Where a filter is one that no
    /// index serves, a page may hold less than it could, or nothing, and go on with its cursor.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_deliveries(
        &self,
        filter: &DeliveryFilter,
    ) -> Result<(Vec<DeliveryOut>, Option<String>), Error> {
        let mut query = QueryBuilder::<Postgres>::new(
            "select d.id, d.event_id, d.request_id, d.event_type, d.url, d.status, d.attempt, d.next_attempt_at,
                    d.last_attempt_at, d.last_status_code, d.last_error, d.created_at, d.updated_at,
                    r.artifact_type, r.artifact_id
             from (select * from (",
        );
        filter.push_found(&mut query);
        query.push(") found where true");
        and(&mut query, "event_type = ", filter.event_type.clone());
        and(&mut query, "url = ", filter.url.clone());
        and(&mut query, "endpoint = ", filter.endpoint.clone());
        and(&mut query, "created_at >= ", filter.since);
        and(&mut query, "created_at < ", filter.until);
        query.push(" order by id desc limit ").push_bind(i64::from(filter.limit) + 1);
        query.push(") d left join approval_request r on r.id = d.request_id order by d.id desc");
        let mut snapshot = self.pool.snapshot().await?;
        let mut rows: Vec<DeliveryRow> = query.build_query_as().fetch_all(&mut *snapshot).await?;
        let place = |at, id| Cursor { list: List::Deliveries, at, id };
        let next = match cut(&mut rows, filter.limit, |row| place(row.created_at, row.id)) {
            None => last_looked_at(&mut snapshot, filter).await?.map(|(at, id)| place(at, id).to_string()),
            next => next,
        };
        snapshot.commit().await?;
        Ok((rows.into_iter().map(Into::into).collect(), next))
    }

    /// Every attempt of a delivery, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such delivery.
    pub async fn list_attempts(&self, delivery_id: Uuid) -> Result<Vec<DeliveryAttemptOut>, Error> {
        let attempts = sqlx::query_as!(
            DeliveryAttemptOut,
            r#"select id, delivery_id, attempt, started_at, latency_ms::bigint as "latency_ms!", status_code, error,
                      failed_by, response_headers, response_excerpt
               from webhook_attempt where delivery_id = $1 order by started_at, attempt, id"#,
            delivery_id,
        )
        .fetch_all(&self.pool)
        .await?;
        if attempts.is_empty() {
            sqlx::query!("select id from webhook_delivery where id = $1", delivery_id)
                .fetch_optional(&self.pool)
                .await?
                .ok_or(DELIVERY)?;
        }
        Ok(attempts)
    }

    /// Makes a delivery due now and restarts its schedule of attempts. An attempt under way goes on.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it has been delivered.
    pub async fn retry_delivery(&self, id: Uuid, actor: &Actor) -> Result<DeliveryOut, Error> {
        let mut tx = self.pool.begin().await?;
        let before = sqlx::query!(
            "select status, attempt, next_attempt_at from webhook_delivery where id = $1 for no key update",
            id,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(DELIVERY)?;
        if before.status == "delivered" {
            return Err(Error::Conflict(Clash::NotRetriable, format!("delivery {id} has been delivered")));
        }
        let row = sqlx::query_as!(
            DeliveryRow,
            r#"update webhook_delivery
             set status = 'pending', attempt = 0, next_attempt_at = now(), updated_at = now()
             where id = $1
             returning id, event_id, request_id, event_type, url, status, attempt,
                       next_attempt_at as "next_attempt_at: _", last_attempt_at, last_status_code, last_error, created_at, updated_at,
                       (select artifact_type from approval_request r where r.id = request_id),
                       (select artifact_id from approval_request r where r.id = request_id)"#,
            id,
        )
        .fetch_one(&mut *tx)
        .await?;
        let record = Record {
            action: "delivery.retry",
            resource_type: "delivery",
            resource_id: id.to_string(),
            summary: Some(format!("retry of {} to {}", row.event_type, row.url)),
            before: Some(json!({"status": before.status, "attempt": before.attempt})),
            after: Some(json!({"status": row.status, "attempt": row.attempt})),
            metadata: Some(json!({"request_id": row.request_id})),
        };
        audit::insert(&mut tx, actor, &record).await?;
        let retried = DeliveryOut::from(row);
        once::commit(tx, actor.once.as_ref(), &retried).await?;
        Ok(retried)
    }

    /// How many deliveries [`Store::retry_deliveries`] would make due now, among the first [`MOST_LOOKED`] in that
    /// status, and whether there are more in that status.
    ///
    /// # Errors
    /// [`Error::Conflict`] as there.
    pub async fn count_retriable(&self, which: &RetryDeliveriesIn) -> Result<(i64, bool), Error> {
        let mut query = QueryBuilder::<Postgres>::new("select count(*) filter (where n <= ");
        query.push(MOST_LOOKED);
        and(&mut query, "created_at >= ", which.since);
        and(&mut query, "url = ", which.url.clone());
        query.push(
            "), count(*) from (select created_at, url, row_number() over () as n from webhook_delivery",
        );
        // A literal, so that the partial index of that status serves it.
        query
            .push(" where status = '")
            .push(retriable(which)?)
            .push("' limit ")
            .push(MOST_LOOKED + 1)
            .push(") looked");
        let (count, looked): (i64, i64) = query.build_query_as().fetch_one(&self.pool).await?;
        Ok((count, looked > MOST_LOOKED))
    }

    /// Like [`Store::retry_delivery`] for all deliveries that match, in batches. Each batch has one audit row, which
    /// names its deliveries. Calls `progress` with the size of each batch; returns the total. Under a key, each batch
    /// notes how far it has come, and whoever repeats the call goes on from there.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the status asked for is neither `exhausted` nor `pending`. Batches that were finished
    /// before a failure stay.
    pub async fn retry_deliveries(
        &self,
        which: &RetryDeliveriesIn,
        actor: &Actor,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<u64, Error> {
        let status = retriable(which)?;
        if let Some(once) = &actor.once {
            self.reserve(once).await?;
        }
        let mut at = (Uuid::nil(), 0);
        loop {
            let (next, total) = self.retry_batch(which, status, at, actor).await?;
            progress(u64::try_from(total - at.1).unwrap_or(0));
            match next {
                Some(next) => at = (next, total),
                None => return Ok(u64::try_from(total).unwrap_or(0)),
            }
        }
    }

    /// Returns the last id of the batch, `None` after the last batch, and how many there were so far.
    async fn retry_batch(
        &self,
        which: &RetryDeliveriesIn,
        status: &str,
        at: Progress,
        actor: &Actor,
    ) -> Result<(Option<Uuid>, i64), Error> {
        let mut tx = self.pool.begin().await?;
        let (after, total) = match &actor.once {
            None => at,
            Some(once) => match once::progress(&mut tx, once).await? {
                Ok(noted) => noted.unwrap_or_default(),
                Err(total) => return Ok((None, total)),
            },
        };
        let ids = sqlx::query_scalar!(
            "with picked as materialized (
                 select id from webhook_delivery
                 where status = $1 and id > $2
                   and ($3::timestamptz is null or created_at >= $3)
                   and ($4::text is null or url = $4)
                 order by id limit $5 for no key update)
             update webhook_delivery d
             set status = 'pending', attempt = 0, next_attempt_at = now(), updated_at = now()
             from picked where d.id = picked.id
             returning d.id",
            status,
            after,
            which.since,
            which.url,
            i64::try_from(BATCH).unwrap_or(i64::MAX),
        )
        .fetch_all(&mut *tx)
        .await?;
        if !ids.is_empty() {
            let record = Record {
                action: "delivery.retry",
                resource_type: "delivery",
                resource_id: "*".to_owned(),
                summary: Some(format!("retry of {} {status} deliveries", ids.len())),
                metadata: Some(json!({"asked": which, "ids": ids})),
                ..Record::default()
            };
            audit::insert(&mut tx, actor, &record).await?;
        }
        let total = total + i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let next = ids.iter().max().filter(|_| ids.len() == BATCH).copied();
        if let Some(once) = &actor.once {
            let noted = next.map_or_else(|| json!({"requeued": total}), |last| json!([last, total]));
            once::advance(&mut tx, once, &noted).await?;
        }
        tx.commit().await?;
        Ok((next, total))
    }
}

/// The status of the deliveries to retry.
fn retriable(which: &RetryDeliveriesIn) -> Result<&str, Error> {
    match which.status.as_deref().unwrap_or("exhausted") {
        status @ ("exhausted" | "pending") => Ok(status),
        other => {
            let text = format!("only exhausted or pending deliveries are retried, not {other}");
            Err(Error::Conflict(Clash::NotRetriable, text))
        }
    }
}
