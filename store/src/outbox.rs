//! The outbox is the event table itself: an event without `published_at` has not been acknowledged by the stream.

pub mod reconcile;

use crate::pool::Pool;
use crate::{BY_KEY_ONLY, Error, Store};
use schemas::api::JsonObject;
use schemas::event::WebhookEvent;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, PgExecutor};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// An event on its way to the bus.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    pub event: WebhookEvent,
    /// Id of its webhook delivery; `None` when it calls for no webhook.
    pub delivery_id: Option<Uuid>,
}

/// Facts of an event row joined with its request, as every outgoing message needs them.
#[derive(Debug)]
pub(crate) struct EventFacts {
    pub(crate) event_id: Uuid,
    pub(crate) event_type: String,
    pub(crate) request_id: Uuid,
    pub(crate) artifact_type: String,
    pub(crate) artifact_id: String,
    pub(crate) status: String,
    pub(crate) stage_order: Option<i32>,
    pub(crate) actor: String,
    pub(crate) reason: Option<String>,
    pub(crate) payload: Value,
    pub(crate) occurred_at: OffsetDateTime,
    pub(crate) sequence: i64,
    pub(crate) policy_key: String,
    pub(crate) policy_version: i32,
}

/// The [`EventFacts`] of a row whose columns have the names of its fields.
macro_rules! event_facts {
    ($row:ident) => {
        crate::outbox::EventFacts {
            event_id: $row.event_id,
            event_type: $row.event_type,
            request_id: $row.request_id,
            artifact_type: $row.artifact_type,
            artifact_id: $row.artifact_id,
            status: $row.status,
            stage_order: $row.stage_order,
            actor: $row.actor,
            reason: $row.reason,
            payload: $row.payload,
            occurred_at: $row.occurred_at,
            sequence: $row.sequence,
            policy_key: $row.policy_key,
            policy_version: $row.policy_version,
        }
    };
}
pub(crate) use event_facts;

impl EventFacts {
    pub(crate) fn into_event(self) -> WebhookEvent {
        let facts = match self.payload {
            Value::Object(facts) => facts,
            // The column is always written from a map.
            _ => JsonObject::new(),
        };
        let payload = schemas::event::payload(facts, self.stage_order, &self.actor, self.reason.as_deref());
        WebhookEvent {
            event_id: self.event_id,
            event_type: self.event_type,
            request_id: self.request_id,
            artifact_type: self.artifact_type,
            artifact_id: self.artifact_id,
            status: self.status,
            stage_order: self.stage_order,
            actor: Some(self.actor),
            occurred_at: self.occurred_at,
            sequence: self.sequence,
            policy_key: self.policy_key,
            policy_version: self.policy_version,
            payload,
        }
    }
}

/// The advisory lock of the one relay that publishes. Another relay gets it when this connection ends, or stays
/// silent for 15 s. The connection is the relay's own, not the pool's: dropping it ends the session and releases the
/// lock. Marking events as published after each round also runs on it, because one server process then has all it
/// needs in its caches.
#[derive(Debug)]
pub struct RelayLock {
    connection: PgConnection,
    pool: Pool,
}

impl RelayLock {
    /// Returns whether the connection, and with it the lock, still stands. Must be called every few seconds, because
    /// the server ends a session that stays silent.
    pub async fn still_held(&mut self) -> bool {
        // A server that does not answer may have given the lock to another relay.
        matches!(tokio::time::timeout(LOCK_ANSWERS_WITHIN, self.connection.ping()).await, Ok(Ok(())))
    }

    /// As [`Store::mark_published`]. After an error the lock must be dropped, because it is unknown whether it
    /// stands.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn mark_published(
        &mut self,
        comparison: i64,
        acknowledged: &[(Uuid, i64)],
    ) -> Result<u64, Error> {
        self.pool.bounded(mark(&mut self.connection, comparison, acknowledged)).await
    }
}

/// How long the server may take to answer on the connection of the lock.
const LOCK_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Key of the relay's lock: any number that no other advisory lock of this database uses.
const RELAY_LOCK: i64 = 0x4157_4552_454c_4159;

impl Store {
    /// Takes the lock of the one relay, so that the events of a request leave in order; `None` when another process
    /// has it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn try_relay_lock(&self) -> Result<Option<RelayLock>, Error> {
        self.pool
            .bounded(async {
                let mut connection = self.pool.acquire().await?.detach();
                // A relay whose network was cut cannot end its session, so the server must end it when it stays
                // silent.
                sqlx::query("set idle_session_timeout = '15s'").execute(&mut connection).await?;
                let won = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "won!""#, RELAY_LOCK)
                    .fetch_one(&mut connection)
                    .await?;
                if !won {
                    return Ok(None);
                }
                // Statements on this connection are planned as on any hot connection.
                for (setting, value) in BY_KEY_ONLY {
                    let set = sqlx::query("select set_config($1, $2, false)").bind(setting).bind(value);
                    set.execute(&mut connection).await?;
                }
                Ok(Some(RelayLock { connection, pool: self.pool.clone() }))
            })
            .await
    }

    /// The oldest events that the stream has neither acknowledged nor refused, in commit order.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, Error> {
        let rows = sqlx::query!(
            "select e.id as event_id, e.event_type, e.request_id, r.artifact_type, r.artifact_id, e.status,
                e.stage_order, e.actor, e.reason, e.payload, e.created_at as occurred_at, e.sequence,
                r.policy_key, r.policy_version, r.callback_url is not null as \"has_callback!\"
            from approval_event e join approval_request r on r.id = e.request_id
            where e.published_at is null and e.refused_at is null order by e.position limit $1",
            i64::try_from(limit).unwrap_or(i64::MAX)
        )
        .fetch_all(&self.hot)
        .await?;
        let with_callback: Vec<Uuid> = rows.iter().filter(|r| r.has_callback).map(|r| r.event_id).collect();
        let deliveries = self.deliveries_of(&with_callback).await?;
        let outgoing = rows.into_iter().map(|r| Outgoing {
            delivery_id: deliveries.get(&r.event_id).copied(),
            event: event_facts!(r).into_event(),
        });
        Ok(outgoing.collect())
    }

    /// Marks events as published that the stream has acknowledged since the comparison of this number, each with its
    /// sequence in the stream. Marks nothing if a later comparison has begun, because what was acknowledged before it
    /// may be lost. Returns how many were not marked before.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn mark_published(&self, comparison: i64, acknowledged: &[(Uuid, i64)]) -> Result<u64, Error> {
        mark(&self.hot, comparison, acknowledged).await
    }

    /// Sets aside events that the stream refuses for their own sake, each with the reason. They are not tried again
    /// until an operator asks for it ([`Store::republish`]).
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn set_refused_aside(&self, refused: &[(Uuid, String)]) -> Result<(), Error> {
        let (ids, reasons): (Vec<Uuid>, Vec<String>) = refused.iter().cloned().unzip();
        sqlx::query!(
            "update approval_event e set refused_at = now(), refused_because = r.reason
             from unnest($1::uuid[], $2::text[]) as r (id, reason) where e.id = r.id",
            &ids,
            &reasons
        )
        .execute(&self.hot)
        .await?;
        Ok(())
    }

    /// How many events wait for the stream.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn unpublished_count(&self) -> Result<i64, Error> {
        let waiting = sqlx::query_scalar!(
            r#"select count(*) as "n!" from approval_event where published_at is null and refused_at is null"#
        );
        Ok(waiting.fetch_one(&self.pool).await?)
    }
}

async fn mark(
    connection: impl PgExecutor<'_>,
    comparison: i64,
    acknowledged: &[(Uuid, i64)],
) -> Result<u64, Error> {
    let (ids, seqs): (Vec<Uuid>, Vec<i64>) = acknowledged.iter().copied().unzip();
    let done = sqlx::query!(
        "update approval_event e set published_at = now(), stream_seq = a.seq, refused_at = null, refused_because = null
         from unnest($1::uuid[], $2::bigint[]) as a (id, seq),
            -- Locked: no comparison begins while this is being noted.
            (select 1 from outbox_stream where comparison = $3 for share) as current
         where e.id = a.id and (e.published_at is null) = $4",
        &ids,
        &seqs,
        comparison,
        // A literal would have it planned to read all that waits: see PENDING of the deliveries.
        true
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
