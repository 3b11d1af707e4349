-- What more delivery processes could do now: due webhooks, of each request only the first, at most 512 for one endpoint.
-- An autoscaler divides the number by what one process does at once (webhook.concurrency). Rows behind an endpoint that is
-- slow or away gain nothing by more processes, so one endpoint may not ask for all of them. The view is what others read,
-- so that the table stays free to change.
create view awe_delivery_backlog as
select coalesce(sum(least(waiting, 512)), 0)::bigint as due
from (
    select count(distinct request_id) as waiting
    from webhook_delivery
    where status = 'pending' and next_attempt_at <= now()
    group by endpoint
) as by_endpoint;
