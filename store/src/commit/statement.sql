-- The name of a table in braces stands for the arrays of its columns; with `.columns` after it, for their names. Both
-- come from `columns.rs`. A condition in braces after the word lease is `false` where no transition asks for a lease.
with seen as materialized (
    select policy_epoch as epoch from catalog
),
-- Requests that seat somebody whose delegations have changed since they were read.
outdated as materialized (
    select distinct r.request_id from unnest({relied}) as r ({relied.columns})
    left join delegation_version v on v.user_id = r.user_id
    where coalesce(v.version, 0) <> r.version
),
created_in as materialized (
    select * from unnest({created}) as c ({created.columns})
    where (c.epoch is null or c.epoch = (select epoch from seen)) and c.id not in (select request_id from outdated)
),
moved_in as materialized (
    select * from unnest({moved}) as m ({moved.columns})
    where (m.epoch is null or m.epoch = (select epoch from seen)) and m.id not in (select request_id from outdated)
),
locked as materialized (
    select r.id from approval_request r join moved_in m on r.id = m.id and r.row_version = m.expected
    order by r.id
    for no key update of r skip locked
),
-- Only for what will be written: a row that is locked at its expected version moves.
keyed as (
    insert into idempotency_key ({keys.columns})
    select k.* from unnest({keys}) as k ({keys.columns})
    where k.request_id in (select id from created_in union all select id from locked)
    order by k.subject, k.key
    on conflict do nothing
    returning request_id
),
created as (
    insert into approval_request (id, policy_id, policy_key, policy_version, artifact_type, artifact_id, title, summary,
        artifact_url, source_service, requester, context, status, current_stage_order, stages, callback_url,
        callback_secret_id, callback_events, expires_at, completed_at, created_at, updated_at, last_sequence,
        resolve_after)
    select id, policy_id, policy_key, policy_version, artifact_type, artifact_id, title, summary, artifact_url,
        source_service, requester, context, status, current_stage_order, stages, callback_url, callback_secret_id,
        (select array_agg(word) from jsonb_array_elements_text(callback_events) word),
        expires_at, completed_at, created_at, created_at, last_sequence, resolve_after
    from created_in
    where not keyed or id in (select request_id from keyed)
    returning id, created_at, expires_at, completed_at, artifact_type, policy_key
),
opened_requests as (
    insert into open_request (created_at, id, expires_at)
    select created_at, id, expires_at from created where completed_at is null
),
moved as (
    update approval_request r
    set status = m.status, current_stage_order = m.current_stage_order, stages = m.stages,
        completed_at = m.completed_at, updated_at = m.updated_at, last_sequence = m.last_sequence,
        resolve_after = m.resolve_after, resolve_attempt = m.resolve_attempt, row_version = r.row_version + 1
    from moved_in m
    where r.id = m.id and r.row_version = m.expected and r.id in (select id from locked)
        and (not m.keyed or m.id in (select request_id from keyed))
    returning r.id, r.created_at, r.completed_at, r.artifact_type, r.policy_key
),
-- Found by key, one by one, whatever the planner thinks of a table that is often empty.
closed_requests as (
    delete from open_request where ctid = any (array (
        select (select o.ctid from open_request o where o.created_at = m.created_at and o.id = m.id)
        from moved m where m.completed_at is not null))
),
done as materialized (
    select id, artifact_type, policy_key from created union all select id, artifact_type, policy_key from moved
),
new_tasks as (
    insert into approval_task ({new_tasks.columns})
    select t.* from unnest({new_tasks}) as t ({new_tasks.columns})
    where t.request_id in (select id from done)
    returning assignee, created_at, id, request_id, status, due_at, is_decidable(status, seated, decision_id) as decidable
),
opened_tasks as (
    insert into open_task (assignee, created_at, id, request_id, status, due_at, artifact_type, policy_key)
    select t.assignee, t.created_at, t.id, t.request_id, t.status, t.due_at, r.artifact_type, r.policy_key
    from new_tasks t join done r on r.id = t.request_id where t.decidable
),
changed_tasks as (
    update approval_task o
    set status = t.status, seated = t.seated, claimed_at = t.claimed_at, completed_at = t.completed_at,
        decision_id = t.decision_id, claimed_by = t.claimed_by
    from unnest({changed_tasks}) as t ({changed_tasks.columns})
    where o.id = t.id and t.request_id in (select id from done)
    returning o.assignee, o.created_at, o.id, o.status, is_decidable(o.status, o.seated, o.decision_id) as decidable
),
closed_tasks as (
    delete from open_task where ctid = any (array (
        select (select o.ctid from open_task o
            where o.assignee = t.assignee and o.created_at = t.created_at and o.id = t.id)
        from changed_tasks t where not t.decidable))
),
-- Claimed or expired.
kept_tasks as (
    update open_task o set status = t.status from changed_tasks t
    where t.decidable and o.id = t.id and o.ctid = any (array (
        select (select o.ctid from open_task o
            where o.assignee = t.assignee and o.created_at = t.created_at and o.id = t.id)
        from changed_tasks t where t.decidable))
),
decisions as (
    insert into approval_decision ({decisions.columns})
    select d.* from unnest({decisions}) as d ({decisions.columns})
    where d.request_id in (select id from done)
),
events as (
    insert into approval_event ({events.columns})
    select {events.columns} from unnest({events}) with ordinality as e ({events.columns}, n)
    where e.request_id in (select id from done)
    order by n
    returning request_id, position
),
deliveries as (
    insert into webhook_delivery (id, event_id, request_id, sequence, event_type, caller_service, url,
        next_attempt_at, created_at, updated_at, lease_token, leased_until)
    select d.id, d.event_id, d.request_id, d.sequence, d.event_type, d.caller_service, d.url,
        -- The clock of the server that made the delivery may be fast; by the database's clock it must be due at once.
        least(d.created_at, now()), d.created_at, d.created_at,
        l.token, case when l.token is not null then now() + make_interval(secs => d.lease_seconds) end
    from unnest({deliveries}) as d ({deliveries.columns})
    -- Who wants the lease gets it unless somebody else still has to try an earlier one of the request. Found by
    -- the request, one by one, whatever the planner thinks of how many are pending.
    cross join lateral (select case when {lease d.lease_token is not null and not exists (
            select from (select * from webhook_delivery where request_id = d.request_id offset 0) p
            where p.status = 'pending' and p.attempt = 0 and p.next_attempt_at <= now()
                and (p.lease_token is distinct from d.lease_token or p.leased_until < now()))}
        then d.lease_token end as token) l
    where d.request_id in (select id from done)
    returning request_id, lease_token
),
audits as (
    insert into audit_action (id, actor, action, resource_type, resource_id, summary, before, after)
    select a.id, a.actor, a.action, a.resource_type, a.resource_id, a.summary, a.before, a.after
    from unnest({audits}) as a ({audits.columns})
    where a.request_id in (select id from done)
)
select seen.epoch, found.id, found.positions,
    {lease found.id in (select request_id from deliveries where lease_token is not null)} as leased
from seen left join (
    select done.id, array_agg(e.position order by e.position) as positions
    from done join events e on e.request_id = done.id group by done.id
    union all
    select request_id, null from outdated
) found on true
