with newest as materialized (
    select delivery_id, started_at, latency_ms, error from webhook_attempt order by id desc limit $1
),
tried as materialized (
    select d.endpoint, a.started_at, a.latency_ms, a.error
    from newest a cross join lateral (select endpoint from webhook_delivery where id = a.delivery_id offset 0) d
    where a.started_at > now() - interval '1 hour'
),
attempts as (
    select endpoint, count(*) as attempts, count(*) filter (where error is null) as accepted,
        percentile_cont(0.5) within group (order by latency_ms) as p50_ms,
        percentile_cont(0.95) within group (order by latency_ms) as p95_ms,
        max(started_at) filter (where error is null) as last_success_at,
        max(started_at) filter (where error is not null) as last_failure_at,
        (array_agg(error order by started_at desc) filter (where error is not null))[1] as last_error
    from tried group by endpoint
),
waiting as (
    select endpoint, count(*) as pending, count(*) filter (where next_attempt_at < now() - interval '10 s'
            and (leased_until is null or leased_until < now())) as held_back,
        (array_agg(last_error order by last_attempt_at desc) filter (where last_error is not null))[1] as last_error
    from (select endpoint, next_attempt_at, leased_until, last_error, last_attempt_at from webhook_delivery
        where status = 'pending' limit $2) d group by endpoint
),
given_up as (
    select endpoint, count(*) as exhausted, max(last_attempt_at) as last_failure_at,
        (array_agg(last_error order by updated_at desc) filter (where last_error is not null))[1] as last_error
    from (select endpoint, updated_at, last_attempt_at, last_error from webhook_delivery
        where status = 'exhausted' order by updated_at desc limit $2) d group by endpoint
)
select coalesce(a.endpoint, w.endpoint, g.endpoint) as endpoint, coalesce(w.pending, 0) as pending,
    coalesce(w.held_back, 0) as held_back, coalesce(g.exhausted, 0) as exhausted, coalesce(a.attempts, 0) as attempts,
    coalesce(a.accepted, 0) as accepted, a.p50_ms, a.p95_ms, a.last_success_at,
    coalesce(a.last_failure_at, g.last_failure_at) as last_failure_at,
    coalesce(a.last_error, w.last_error, g.last_error) as last_error
from attempts a full join waiting w using (endpoint) full join given_up g using (endpoint)
order by coalesce(w.pending, 0) + coalesce(g.exhausted, 0) desc, coalesce(a.attempts, 0) desc, 1
limit $3
