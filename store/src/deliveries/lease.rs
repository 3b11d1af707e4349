//! Taking deliveries, endpoint by endpoint: whoever has room for some of one endpoint leases so many and no more.

use super::{Leased, PENDING};
use crate::outbox::EventRow;
use crate::{Error, Store};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

impl Store {
    /// Endpoints (`scheme://host:port`) to which something is due, in alphabetical order after `after`. Costs one
    /// probe of an index per endpoint, however much waits for each.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn due_endpoints(&self, after: Option<&str>, limit: i64) -> Result<Vec<String>, Error> {
        Ok(sqlx::query_scalar!(
            r#"with recursive waiting (endpoint) as (
                (select d.endpoint from webhook_delivery d
                 where d.status = 'pending' and ($1::text is null or d.endpoint > $1) order by d.endpoint limit 1)
                union all
                select (select d.endpoint from webhook_delivery d
                        where d.status = 'pending' and d.endpoint > w.endpoint order by d.endpoint limit 1)
                from waiting w where w.endpoint is not null
            )
            select w.endpoint as "endpoint!" from waiting w
            where w.endpoint is not null and exists (
                select from webhook_delivery d
                where d.endpoint = w.endpoint and d.status = 'pending' and d.next_attempt_at <= now()
                    and (d.leased_until is null or d.leased_until < now()))
            limit $2"#,
            after,
            limit
        )
        .fetch_all(&self.hot)
        .await?)
    }

    /// Endpoints to which something of these requests is due.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn endpoints_of(&self, requests: &[Uuid]) -> Result<Vec<String>, Error> {
        Ok(sqlx::query_scalar!(
            "select distinct endpoint from webhook_delivery
             where request_id = any($1) and status = $2 and next_attempt_at <= now()",
            requests,
            PENDING
        )
        .fetch_all(&self.hot)
        .await?)
    }

    /// The oldest delivery to an endpoint that somebody asked to be attempted within the last `since`.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn asked_delivery(&self, endpoint: &str, since: Duration) -> Result<Option<Uuid>, Error> {
        Ok(sqlx::query_scalar!(
            "select id from webhook_delivery
             where endpoint = $1 and status = 'pending' and next_attempt_at <= now()
                and asked_at > now() - make_interval(secs => $2)
             order by asked_at limit 1",
            endpoint,
            since.as_secs_f64()
        )
        .fetch_optional(&self.hot)
        .await?)
    }

    /// Leases up to `limit` due deliveries to an endpoint, the longest due first, at most the first untried one of
    /// each request; or the one named `only`, if it is among them.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn lease_due(
        &self,
        endpoint: &str,
        limit: i64,
        lease: Duration,
        only: Option<Uuid>,
    ) -> Result<Vec<Leased>, Error> {
        let token = Uuid::now_v7();
        let rows = sqlx::query!(
            r#"with due as (
                select d.id from webhook_delivery d
                where d.endpoint = $1 and d.status = 'pending' and d.next_attempt_at <= now()
                    and (d.leased_until is null or d.leased_until < now())
                    and ($5::uuid is null or d.id = $5)
                    -- An earlier one that is still to be tried, or is being tried for the first time, goes first.
                    and not exists (select from webhook_delivery p
                        where p.request_id = d.request_id and p.sequence < d.sequence and p.status = $6
                            and p.attempt = 0 and p.next_attempt_at <= now())
                order by d.next_attempt_at limit $2
                for no key update of d skip locked
            ), leased as (
                update webhook_delivery d
                set lease_token = $3, leased_until = now() + make_interval(secs => $4), asked_at = null
                from due where d.id = due.id
                returning d.id, d.attempt, d.url, d.caller_service, d.event_id
            )
            select l.id, l.attempt, l.url, l.caller_service, r.callback_secret_id,
                e.id as event_id, e.event_type, e.request_id, r.artifact_type, r.artifact_id, e.status,
                e.stage_order, e.actor, e.reason, e.payload, e.created_at as occurred_at, e.sequence,
                r.policy_key, r.policy_version
            from leased l join approval_event e on e.id = l.event_id join approval_request r on r.id = e.request_id"#,
            endpoint,
            limit,
            token,
            lease.as_secs_f64(),
            only,
            PENDING
        )
        .fetch_all(&self.hot)
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

    /// Says in `last_error` of due deliveries that are untried and without a word why they wait; counts as no
    /// attempt. Looks at `limit` of them, those due after `after` first, and answers up to where it looked.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn explain_wait(
        &self,
        endpoint: &str,
        why: &str,
        after: OffsetDateTime,
        limit: i64,
    ) -> Result<OffsetDateTime, Error> {
        let seen = sqlx::query_scalar!(
            r#"with waiting as (
                select id, next_attempt_at from webhook_delivery
                where endpoint = $1 and status = 'pending' and next_attempt_at > $3 and next_attempt_at <= now()
                order by next_attempt_at limit $4
            ), told as (
                update webhook_delivery d set last_error = $2, updated_at = now() from waiting w
                where d.id = w.id and d.status = $5 and d.attempt = 0 and d.last_error is null
                    and d.leased_until is null
            )
            select max(next_attempt_at) from waiting"#,
            endpoint,
            why,
            after,
            limit,
            PENDING
        )
        .fetch_one(&self.hot)
        .await?;
        Ok(seen.unwrap_or(after))
    }
}
