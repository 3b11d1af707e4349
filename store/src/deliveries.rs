//! Webhook deliveries: leased by a conditional update, sent with no transaction open, recorded only while the lease
//! still stands. A worker that dies loses its lease by time, and another takes over.
//!
//! Order: deliveries of one request are leased together and sent in `sequence`; nobody leases a later one while an
//! earlier one has not been tried once. A head that has failed once is overtaken.

pub mod admin;

use crate::outbox::EventRow;
use crate::{Error, Store};
use schemas::event::WebhookEvent;
use std::collections::HashMap;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// A delivery that this worker may attempt until its lease ends.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Delivery.
    pub id: Uuid,
    /// Proof of the lease.
    pub token: Uuid,
    /// Attempts made before this one.
    pub attempt: i32,
    /// Where to.
    pub url: String,
    /// Subject that created the request: whose secret signs.
    pub caller_service: String,
    /// A secret that the caller named instead.
    pub callback_secret_id: Option<Uuid>,
    /// What to send.
    pub event: WebhookEvent,
}

/// What came of one attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Delivery.
    pub delivery_id: Uuid,
    /// The lease it was made under.
    pub token: Uuid,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// How long it took, in milliseconds.
    pub latency_ms: i32,
    /// HTTP status, when there was an answer.
    pub status_code: Option<i32>,
    /// What went wrong, in words.
    pub error: Option<String>,
    /// The first bytes of the answer.
    pub response_excerpt: Option<String>,
    /// What is next.
    pub verdict: Verdict,
}

/// Where a delivery goes after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Done.
    Delivered,
    /// Again, not before.
    RetryAt(OffsetDateTime),
    /// Given up, until somebody asks for a retry.
    Exhausted,
}

impl Store {
    /// Leases what is due among the requests that these deliveries belong to, in order of request and sequence.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn lease_deliveries(&self, ids: &[Uuid], lease: Duration) -> Result<Vec<Leased>, Error> {
        let requests = sqlx::query_scalar!(
            "select distinct request_id from webhook_delivery where id = any($1) and status = 'pending'",
            ids
        )
        .fetch_all(&self.pool)
        .await?;
        self.lease_requests(&requests, lease).await
    }

    /// Leases whatever is due, oldest first: how deliveries go out without a bus.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn lease_due_deliveries(&self, limit: i64, lease: Duration) -> Result<Vec<Leased>, Error> {
        let requests = sqlx::query_scalar!(
            r#"select distinct request_id as "id!" from (
                select request_id from webhook_delivery
                where status = 'pending' and next_attempt_at <= now()
                    and (leased_until is null or leased_until < now())
                order by next_attempt_at limit $1) due"#,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        self.lease_requests(&requests, lease).await
    }

    /// Leases what is due of these requests.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn lease_requests(&self, requests: &[Uuid], lease: Duration) -> Result<Vec<Leased>, Error> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let token = Uuid::now_v7();
        let rows = sqlx::query!(
            r#"with due as (
                select d.id from webhook_delivery d
                where d.request_id = any($1) and d.status = 'pending' and d.next_attempt_at <= now()
                    and (d.leased_until is null or d.leased_until < now())
                order by d.request_id, d.sequence
                for no key update of d skip locked
            ), leased as (
                update webhook_delivery d
                set lease_token = $2, leased_until = now() + make_interval(secs => $3)
                from due where d.id = due.id
                    -- An untried earlier one that somebody else holds, or is taking right now, goes first.
                    and not exists (select from webhook_delivery p
                        where p.request_id = d.request_id and p.sequence < d.sequence and p.status = 'pending'
                            and p.attempt = 0 and p.next_attempt_at <= now() and p.id not in (select id from due))
                returning d.id, d.attempt, d.url, d.caller_service, d.event_id
            )
            select l.id, l.attempt, l.url, l.caller_service, r.callback_secret_id,
                e.id as event_id, e.event_type, e.request_id, r.artifact_type, r.artifact_id, e.status,
                e.stage_order, e.actor, e.reason, e.payload, e.created_at as occurred_at, e.sequence,
                r.policy_key, r.policy_version
            from leased l join approval_event e on e.id = l.event_id join approval_request r on r.id = e.request_id
            order by e.request_id, e.sequence"#,
            requests,
            token,
            lease.as_secs_f64()
        )
        .fetch_all(&self.pool)
        .await?;
        let leased = rows.into_iter().map(|r| Leased {
            id: r.id,
            token,
            attempt: r.attempt,
            url: r.url,
            caller_service: r.caller_service,
            callback_secret_id: r.callback_secret_id,
            event: EventRow {
                event_id: r.event_id,
                event_type: r.event_type,
                request_id: r.request_id,
                artifact_type: r.artifact_type,
                artifact_id: r.artifact_id,
                status: r.status,
                stage_order: r.stage_order,
                actor: r.actor,
                reason: r.reason,
                payload: r.payload,
                occurred_at: r.occurred_at,
                sequence: r.sequence,
                policy_key: r.policy_key,
                policy_version: r.policy_version,
            }
            .into_event(),
        });
        Ok(leased.collect())
    }

    /// Records attempts whose lease still stands; returns the deliveries that were recorded. A lease that was lost
    /// records nothing: whoever holds it now records its own attempt.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn record_attempts(&self, attempts: &[Attempt]) -> Result<Vec<Uuid>, Error> {
        let each = |f: &dyn Fn(&Attempt) -> Option<String>| attempts.iter().map(f).collect::<Vec<_>>();
        let ids: Vec<Uuid> = attempts.iter().map(|a| a.delivery_id).collect();
        let tokens: Vec<Uuid> = attempts.iter().map(|a| a.token).collect();
        let started: Vec<OffsetDateTime> = attempts.iter().map(|a| a.started_at).collect();
        let latency: Vec<i32> = attempts.iter().map(|a| a.latency_ms).collect();
        let codes: Vec<Option<i32>> = attempts.iter().map(|a| a.status_code).collect();
        let errors = each(&|a| a.error.clone());
        let excerpts = each(&|a| a.response_excerpt.clone());
        let statuses: Vec<String> = attempts.iter().map(|a| a.verdict.status().to_owned()).collect();
        let next: Vec<Option<OffsetDateTime>> = attempts.iter().map(|a| a.verdict.next()).collect();
        let rows: Vec<Uuid> = (0..attempts.len()).map(|_| Uuid::now_v7()).collect();
        Ok(sqlx::query_scalar!(
            r#"with made as (
                select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int[], $5::int[], $6::text[],
                    $7::text[], $8::text[], $9::timestamptz[], $10::uuid[])
                    as a (id, token, started_at, latency_ms, code, error, excerpt, status, next_at, attempt_id)
            ), recorded as (
                update webhook_delivery d
                set status = a.status, attempt = d.attempt + 1, last_attempt_at = a.started_at,
                    last_status_code = a.code, last_error = a.error,
                    next_attempt_at = coalesce(a.next_at, d.next_attempt_at),
                    lease_token = null, leased_until = null, updated_at = now()
                from made a where d.id = a.id and d.lease_token = a.token and d.status = 'pending'
                returning d.id, d.attempt, a.attempt_id, a.started_at, a.latency_ms, a.code, a.error, a.excerpt
            ), kept as (
                insert into webhook_attempt (id, delivery_id, attempt, started_at, latency_ms, status_code, error,
                    response_excerpt)
                select attempt_id, id, attempt, started_at, latency_ms, code, error, excerpt from recorded
            )
            select id from recorded"#,
            &ids,
            &tokens,
            &started,
            &latency,
            &codes as &[Option<i32>],
            &errors as &[Option<String>],
            &excerpts as &[Option<String>],
            &statuses,
            &next as &[Option<OffsetDateTime>],
            &rows
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Delivery of each of these events.
    pub(crate) async fn deliveries_of(&self, events: &[Uuid]) -> Result<HashMap<Uuid, Uuid>, Error> {
        if events.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = sqlx::query!("select event_id, id from webhook_delivery where event_id = any($1)", events)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(|r| (r.event_id, r.id)).collect())
    }
}

impl Verdict {
    const fn status(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::RetryAt(_) => "pending",
            Self::Exhausted => "exhausted",
        }
    }

    const fn next(self) -> Option<OffsetDateTime> {
        match self {
            Self::RetryAt(at) => Some(at),
            Self::Delivered | Self::Exhausted => None,
        }
    }
}
