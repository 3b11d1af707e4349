//! Leasing deliveries by destination: a worker leases no more of a destination than it has room for.

use super::{Destination, Leased, PENDING};
use crate::outbox::event_facts;
use crate::{Error, Store};
use std::collections::HashSet;
use std::time::Duration;
use telemetry::Trace;
use time::OffsetDateTime;
use uuid::Uuid;

/// Deliveries of one request that are leased behind its first untried one.
const FOLLOWERS: i64 = 3;

/// A page of the destinations to which deliveries wait.
#[derive(Debug)]
pub struct Waiting {
    /// Each destination, and whether a delivery to it is due now.
    pub destinations: Vec<(Destination, bool)>,
    /// The last caller of the page, if others follow.
    pub last_caller: Option<String>,
}

impl Store {
    /// A page of the destinations to which deliveries wait: for the next `callers` callers after `after`, in
    /// alphabetical order, up to `each` endpoints each. For a caller in `seen`, only endpoints after the one seen.
    /// Costs a few index probes for each destination, however many deliveries wait there.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn waiting_destinations(
        &self,
        after: Option<&str>,
        callers: i64,
        each: i64,
        seen: &[Destination],
    ) -> Result<Waiting, Error> {
        let (seen_callers, seen_endpoints): (Vec<String>, Vec<String>) =
            seen.iter().map(|seen| (seen.caller_service.clone(), seen.endpoint.clone())).unzip();
        let rows = sqlx::query_file!(
            "src/deliveries/waiting.sql",
            after,
            callers,
            each,
            &seen_callers,
            &seen_endpoints
        )
        .fetch_all(&self.hot)
        .await?;
        let found: HashSet<&str> = rows.iter().map(|row| row.caller_service.as_str()).collect();
        let all = i64::try_from(found.len()).is_ok_and(|found| found < callers);
        let last_caller = rows.last().filter(|_| !all).map(|row| row.caller_service.clone());
        let destinations = rows
            .into_iter()
            .filter_map(|row| Some((Destination::new(row.caller_service, row.endpoint?), row.due)));
        Ok(Waiting { destinations: destinations.collect(), last_caller })
    }

    /// Destinations to which a delivery of these requests is due that nobody is attempting.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn destinations_of(&self, requests: &[Uuid]) -> Result<Vec<Destination>, Error> {
        let rows = sqlx::query!(
            r#"select distinct caller_service, left(endpoint, 300) as "endpoint!" from webhook_delivery
               where request_id = any($1) and status = $2 and next_attempt_at <= now()
                    and (leased_until is null or leased_until < now())"#,
            requests,
            PENDING
        )
        .fetch_all(&self.hot)
        .await?;
        Ok(rows.into_iter().map(|row| Destination::new(row.caller_service, row.endpoint)).collect())
    }

    /// Of the due deliveries to a destination whose retry was asked for within the last `since`, the one asked for
    /// first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn asked_delivery(&self, to: &Destination, since: Duration) -> Result<Option<Uuid>, Error> {
        Ok(sqlx::query_scalar!(
            "select id from webhook_delivery
             where caller_service = $1 and left(endpoint, 300) = $2 and status = 'pending'
                and next_attempt_at <= now() and asked_at > now() - make_interval(secs => $3)
             order by asked_at limit 1",
            to.caller_service,
            to.endpoint,
            since.as_secs_f64()
        )
        .fetch_optional(&self.hot)
        .await?)
    }

    /// Leases up to `limit` due deliveries to a destination, longest due first. Of the untried ones of a request the
    /// first, and as far as there is room up to three behind it, which must be sent in their order (one that an operator is
    /// changing at that moment is passed over). With
    /// `only`, leases that delivery alone, if it is among them. They come by request and sequence.
    ///
    /// The leases are in force at once and on disk some moments later: what a server that dies forgets of them is
    /// delivered once more, as after the death of a worker.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn lease_due(
        &self,
        to: &Destination,
        limit: i64,
        lease: Duration,
        only: Option<Uuid>,
    ) -> Result<Vec<Leased>, Error> {
        let token = Uuid::now_v7();
        let rows = sqlx::query!(
            r#"with due as (
                select d.id, d.request_id, d.sequence, d.attempt from webhook_delivery d
                where d.caller_service = $1 and left(d.endpoint, 300) = $7
                    and d.status = 'pending' and d.next_attempt_at <= now()
                    and (d.leased_until is null or d.leased_until < now())
                    and ($5::uuid is null or d.id = $5)
                    -- An earlier one that is still to be tried, or is being tried for the first time, goes first.
                    and not exists (select from webhook_delivery p
                        where p.request_id = d.request_id and p.sequence < d.sequence and p.status = $6
                            and p.attempt = 0 and p.next_attempt_at <= now())
                order by d.next_attempt_at limit $2
                for no key update of d skip locked
            ), following as (
                select f.id from due cross join lateral (
                    select d.id from webhook_delivery d
                    where d.request_id = due.request_id and d.sequence > due.sequence and d.status = $6 and d.attempt = 0
                        and d.caller_service = $1 and left(d.endpoint, 300) = $7 and d.next_attempt_at <= now()
                        and (d.leased_until is null or d.leased_until < now())
                    order by d.sequence limit $8
                    for no key update of d skip locked
                ) f
                where due.attempt = 0 and $5::uuid is null
                limit greatest($2 - (select count(*) from due), 0)
            ), leased as (
                update webhook_delivery d
                set lease_token = $3, leased_until = now() + make_interval(secs => $4), asked_at = null
                from (select id from due union all select id from following) taken where d.id = taken.id
                returning d.id, d.attempt, d.url, d.caller_service, d.request_id, d.sequence
            )
            select l.id, l.attempt, l.url, l.caller_service, r.callback_secret_id,
                e.id as event_id, e.event_type, e.request_id, r.artifact_type, r.artifact_id,
                r.title, r.summary, r.artifact_url, e.status, e.stage_order, e.actor, e.reason, e.payload, e.created_at as occurred_at, e.sequence,
                r.policy_key, r.policy_version, e.trace_context
            from leased l join approval_event e on e.request_id = l.request_id and e.sequence = l.sequence
            join approval_request r on r.id = e.request_id
            cross join (select set_config('synchronous_commit', 'off', true)) as lazily
            order by e.request_id, e.sequence"#,
            to.caller_service,
            limit,
            token,
            lease.as_secs_f64(),
            only,
            PENDING,
            to.endpoint,
            FOLLOWERS
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
            trace: r.trace_context.as_deref().and_then(Trace::from_text),
            event: event_facts!(r).into_event(),
        });
        Ok(leased.collect())
    }

    /// Gives back leases of deliveries that are not attempted, each with its token. They are due again at once; `why`,
    /// if they wait all the same, is written as by [`Store::explain_wait`].
    ///
    /// # Errors
    /// [`Error::Unavailable`]; the leases run out.
    pub async fn give_back(
        &self,
        deliveries: &[Uuid],
        tokens: &[Uuid],
        why: Option<&str>,
    ) -> Result<(), Error> {
        sqlx::query!(
            "update webhook_delivery d
             set lease_token = null, leased_until = null, last_error = coalesce(last_error, $3)
             from unnest($1::uuid[], $2::uuid[]) as given (id, token),
                (select set_config('synchronous_commit', 'off', true)) as lazily
             where d.id = given.id and d.lease_token = given.token",
            deliveries,
            tokens,
            why
        )
        .execute(&self.hot)
        .await?;
        Ok(())
    }

    /// Writes `why` into `last_error` of due deliveries that are untried and have no error yet; counts as no attempt.
    /// Looks at up to `limit` deliveries due after `after`, longest due first; returns the due moment of the last
    /// one.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn explain_wait(
        &self,
        to: &Destination,
        why: &str,
        after: OffsetDateTime,
        limit: i64,
    ) -> Result<OffsetDateTime, Error> {
        let seen = sqlx::query_scalar!(
            r#"with waiting as (
                select id, next_attempt_at from webhook_delivery
                where caller_service = $1 and left(endpoint, 300) = $6 and status = 'pending'
                    and next_attempt_at > $3 and next_attempt_at <= now()
                order by next_attempt_at limit $4
            ), told as (
                update webhook_delivery d set last_error = $2, updated_at = now() from waiting w
                where d.id = w.id and d.status = $5 and d.attempt = 0 and d.last_error is null
                    and d.leased_until is null
            )
            select max(next_attempt_at) from waiting"#,
            to.caller_service,
            why,
            after,
            limit,
            PENDING,
            to.endpoint
        )
        .fetch_one(&self.hot)
        .await?;
        Ok(seen.unwrap_or(after))
    }
}
