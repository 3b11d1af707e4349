-- Skips from caller to caller, and for each from endpoint to endpoint, over the index of what waits: one probe each,
-- however many rows wait. The depth for each caller is bounded, so that one with a million endpoints costs no more than
-- another.
with recursive callers (caller_service) as (
    (select d.caller_service from webhook_delivery d
     where d.status = 'pending' and ($1::text is null or d.caller_service > $1) order by d.caller_service limit 1)
    union all
    select (select d.caller_service from webhook_delivery d
            where d.status = 'pending' and d.caller_service > c.caller_service order by d.caller_service limit 1)
    from callers c where c.caller_service is not null
), page as materialized (
    select c.caller_service, s.endpoint as seen
    from (select caller_service from callers where caller_service is not null limit $2) c
    left join unnest($4::text[], $5::text[]) s (caller_service, endpoint) on s.caller_service = c.caller_service
)
select p.caller_service as "caller_service!", e.endpoint as "endpoint?", exists (
        select from webhook_delivery d
        where d.caller_service = p.caller_service and left(d.endpoint, 300) = e.endpoint and d.status = 'pending'
            and d.next_attempt_at <= now() and (d.leased_until is null or d.leased_until < now())) as "due!"
from page p left join lateral (
    with recursive waiting (endpoint) as (
        (select left(d.endpoint, 300) from webhook_delivery d
         where d.status = 'pending' and d.caller_service = p.caller_service
            and (p.seen is null or left(d.endpoint, 300) > p.seen)
         order by left(d.endpoint, 300) limit 1)
        union all
        select (select left(d.endpoint, 300) from webhook_delivery d
                where d.status = 'pending' and d.caller_service = p.caller_service
                    and left(d.endpoint, 300) > w.endpoint
                order by left(d.endpoint, 300) limit 1)
        from waiting w where w.endpoint is not null
    )
    select endpoint from waiting where endpoint is not null limit $3
) e on true
order by 1, 2
