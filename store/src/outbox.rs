//! The outbox is the event table itself. An event is written once; what the stream has taken is noted by batch, in
//! `outbox_batch`. An event waits for the stream if no batch claims its position, or if it is in `outbox_again`.
//!
//! Positions are drawn when events are inserted and seen when they are committed, so a lower position can appear after
//! a higher one. Whoever publishes therefore keeps a [`Ledger`] of the positions at which an event may still appear.

mod ledger;
pub mod reconcile;

pub use ledger::Ledger;

use crate::pool::Pool;
use crate::{BY_KEY_ONLY, Error, Store};
use schemas::api::JsonObject;
use schemas::event::WebhookEvent;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, PgExecutor};
use std::time::Duration;
use telemetry::Trace;
use time::OffsetDateTime;
use uuid::Uuid;

/// An event on its way to the bus.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Its place in the order of all events.
    pub position: i64,
    pub event: WebhookEvent,
    /// Id of its webhook delivery; `None` when it calls for no webhook.
    pub delivery_id: Option<Uuid>,
    /// The trace that its transition belongs to, if somebody traces it.
    pub trace: Option<Trace>,
}

/// Facts of an event row joined with its request, as every outgoing message needs them.
#[derive(Debug)]
pub(crate) struct EventFacts {
    pub(crate) event_id: Uuid,
    pub(crate) event_type: String,
    pub(crate) request_id: Uuid,
    pub(crate) artifact_type: String,
    pub(crate) artifact_id: String,
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) artifact_url: Option<String>,
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
            title: $row.title,
            summary: $row.summary,
            artifact_url: $row.artifact_url,
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
            title: self.title,
            summary: self.summary,
            artifact_url: self.artifact_url,
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

    /// As [`Store::note_published`]. After an error the lock must be dropped, because it is unknown whether it
    /// stands.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn note_published(
        &mut self,
        comparison: i64,
        settled: i64,
        acknowledged: &[(i64, i64)],
    ) -> Result<bool, Error> {
        self.pool.bounded(note(&mut self.connection, comparison, settled, acknowledged)).await
    }
}

/// How long the server may take to answer on the connection of the lock.
const LOCK_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Key of the relay's lock: any number that no other advisory lock of this database uses. Relays that mark each event
/// use another number, and find nothing to publish.
const RELAY_LOCK: i64 = 0x4157_4552_454c_4142;

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

    /// The oldest events that wait for the stream, in commit order: those in the open ranges of `ledger`, and those
    /// that are to be published again.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn unpublished(&self, ledger: &Ledger, limit: usize) -> Result<Vec<Outgoing>, Error> {
        let (first, last) = ledger.ranges();
        let rows = sqlx::query!(
            r#"with waiting as materialized (
                select position from (
                    (select position from outbox_again order by position limit $3)
                    union
                    (select e.position from unnest($1::bigint[], $2::bigint[]) as open (first, last)
                        cross join lateral (
                            select position from approval_event where position between open.first and open.last
                            order by position limit $3
                        ) e)
                ) found order by position limit $3
            )
            select e.position, e.id as event_id, e.event_type, e.request_id, r.artifact_type, r.artifact_id,
                r.title, r.summary, r.artifact_url, e.status, e.stage_order, e.actor, e.reason, e.payload, e.created_at as occurred_at, e.sequence,
                r.policy_key, r.policy_version, e.trace_context, r.callback_url is not null as "has_callback!"
            from waiting w join approval_event e on e.position = w.position
            join approval_request r on r.id = e.request_id order by e.position"#,
            &first,
            &last,
            i64::try_from(limit).unwrap_or(i64::MAX)
        )
        .fetch_all(&self.hot)
        .await?;
        let with_callback: Vec<Uuid> = rows.iter().filter(|r| r.has_callback).map(|r| r.event_id).collect();
        let deliveries = self.deliveries_of(&with_callback).await?;
        let outgoing = rows.into_iter().map(|r| Outgoing {
            position: r.position,
            delivery_id: deliveries.get(&r.event_id).copied(),
            trace: r.trace_context.as_deref().and_then(Trace::from_text),
            event: event_facts!(r).into_event(),
        });
        Ok(outgoing.collect())
    }

    /// Every event that waits for the stream now, at most `limit`, in commit order.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn all_unpublished(&self, limit: usize) -> Result<Vec<Outgoing>, Error> {
        self.unpublished(&self.ledger().await?, limit).await
    }

    /// Notes which positions the stream has acknowledged since the comparison of this number, each with its sequence
    /// in the stream; up to `settled`, all is published or set aside and nothing can follow. Notes nothing if a later
    /// comparison has begun, because what was acknowledged before it may be lost. Returns whether it was noted.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn note_published(
        &self,
        comparison: i64,
        settled: i64,
        acknowledged: &[(i64, i64)],
    ) -> Result<bool, Error> {
        note(&self.hot, comparison, settled, acknowledged).await
    }

    /// Sets aside events that the stream refuses for their own sake, by position, each with the reason. They are not
    /// tried again until an operator asks for it ([`Store::republish`]).
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn set_refused_aside(&self, refused: &[(i64, String)]) -> Result<(), Error> {
        let (positions, reasons): (Vec<i64>, Vec<String>) = refused.iter().cloned().unzip();
        sqlx::query!(
            "with aside as (
                insert into outbox_refused (position, refused_because) select * from unnest($1::bigint[], $2::text[])
                on conflict (position) do nothing
            )
            delete from outbox_again where position = any($1)",
            &positions,
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
        let waiting = sqlx::query_scalar!(r#"select count(*) as "n!" from unpublished_event"#);
        Ok(waiting.fetch_one(&self.pool).await?)
    }

    /// The ledger as of the last batch that was noted.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn ledger(&self) -> Result<Ledger, Error> {
        // Neighbours are joined here: after a long standstill there may be millions of positions.
        let taken = sqlx::query!(
            r#"with settled as (select settled as position from outbox_batch order by id desc limit 1),
            taken as (
                select unnest(b.positions) as position from outbox_batch b, settled where b.last_position > settled.position
                union
                select f.position from outbox_refused f
            ),
            islands as (
                select position, position - row_number() over (order by position) as island
                from taken where position > (select position from settled)
            )
            select (select position from settled) as "settled!", first, last from (select true) one left join (
                select min(position) as first, max(position) as last from islands group by island
            ) ranges on true"#
        )
        .fetch_all(&self.hot)
        .await?;
        let mut ledger = Ledger::after(taken.first().map_or(0, |row| row.settled));
        for (first, last) in taken.iter().filter_map(|row| row.first.zip(row.last)) {
            ledger.close(first, last);
        }
        Ok(ledger)
    }
}

async fn note(
    connection: impl PgExecutor<'_>,
    comparison: i64,
    settled: i64,
    acknowledged: &[(i64, i64)],
) -> Result<bool, Error> {
    let (positions, seqs): (Vec<i64>, Vec<i64>) = acknowledged.iter().copied().unzip();
    let noted = sqlx::query_scalar!(
        r#"with current as materialized (
            -- Locked: no comparison begins while this is being noted.
            select 1 from outbox_stream where comparison = $1 for share
        ),
        noted as (
            insert into outbox_batch (settled, last_position, last_seq, positions, stream_seqs)
            select $2, coalesce((select max(p) from unnest($3::bigint[]) p), $2),
                coalesce((select max(s) from unnest($4::bigint[]) s), 0), $3, $4 from current
            returning 1
        ),
        there_again as (
            delete from outbox_again where position = any($3) and exists (select from current)
        )
        select exists (select from noted) as "noted!""#,
        comparison,
        settled,
        &positions,
        &seqs
    )
    .fetch_one(connection)
    .await?;
    Ok(noted)
}
