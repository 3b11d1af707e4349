//! Recording the outcomes of attempts.

use super::{Attempt, PENDING};
use crate::{Error, Store};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

impl Store {
    /// Records attempts whose lease still stands; returns the deliveries that were recorded. Nothing is recorded for
    /// a lost lease: the worker that holds it now records its own attempt. As with leases, what a server that dies has
    /// not yet written is delivered once more.
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
        let failed_by = each(&|a| a.failed_by.map(str::to_owned));
        let headers: Vec<Option<Value>> = attempts.iter().map(|a| a.response_headers.clone()).collect();
        let statuses: Vec<String> = attempts.iter().map(|a| a.next.status().to_owned()).collect();
        let next_attempts: Vec<Option<OffsetDateTime>> =
            attempts.iter().map(|a| a.next.attempt_at()).collect();
        let rows: Vec<Uuid> = (0..attempts.len()).map(|_| Uuid::now_v7()).collect();
        Ok(sqlx::query_scalar!(
            r#"with made as (
                select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int[], $5::int[], $6::text[],
                    $7::text[], $8::text[], $9::timestamptz[], $10::uuid[], $11::text[], $12::jsonb[])
                    as a (id, token, started_at, latency_ms, code, error, excerpt, status, next_at, attempt_id,
                        failed_by, headers)
            ), recorded as (
                update webhook_delivery d
                -- Who asked for another attempt while this one was under way gets it, unless this one did it.
                set status = case when d.asked_at is not null and a.status = 'exhausted' then 'pending'
                        else a.status end,
                    attempt = least(d.attempt + 1, 1000000), last_attempt_at = a.started_at,
                    last_status_code = a.code, last_error = a.error,
                    next_attempt_at = case when d.asked_at is null then coalesce(a.next_at, d.next_attempt_at)
                        else d.next_attempt_at end,
                    lease_token = null, leased_until = null, updated_at = now()
                from made a where d.id = a.id and d.lease_token = a.token and d.status = $13
                returning d.id, d.attempt, a.attempt_id, a.started_at, a.latency_ms, a.code, a.error, a.excerpt,
                    a.failed_by, a.headers
            ), kept as (
                insert into webhook_attempt (id, delivery_id, attempt, started_at, latency_ms, status_code, error,
                    response_excerpt, failed_by, response_headers)
                select attempt_id, id, attempt, started_at, latency_ms, code, error, excerpt, failed_by, headers
                from recorded
            )
            select id from recorded cross join (select set_config('synchronous_commit', 'off', true)) as lazily"#,
            &ids,
            &tokens,
            &started,
            &latency,
            &codes as &[Option<i32>],
            &errors as &[Option<String>],
            &excerpts as &[Option<String>],
            &statuses,
            &next_attempts as &[Option<OffsetDateTime>],
            &rows,
            &failed_by as &[Option<String>],
            &headers as &[Option<Value>],
            PENDING
        )
        .fetch_all(&self.hot)
        .await?)
    }
}
