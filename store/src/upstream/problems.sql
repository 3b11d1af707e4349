-- What stands against taking over, one line each; at most a hundred of a kind.
(select 'a process of AWE runs here (' || host || ', seen ' || date_trunc('second', now() - seen_at)
        || ' ago): stop every server first, and wait a minute'
    from process where seen_at > now() - interval '1 minute' limit 100)
union all
(select count(*) || ' events of this database wait for the stream: start the servers, wait until `awe outbox status` says that none waits, and stop them'
    from unpublished_event having count(*) > 0)
union all
(select tbl || ' ' || id || ': the id is no UUID' from upstream
    where tbl <> 'callback_secret' and id !~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' limit 100)
union all
(select 'policy ' || (u.body ->> 'policy_key') || ' version ' || (u.body ->> 'version') || ' is here already, and another one'
    from upstream u join approval_policy p
        on p.policy_key = u.body ->> 'policy_key' and p.version = (u.body ->> 'version')::int and p.id::text <> u.id
    where u.tbl = 'approval_policy' limit 100)
union all
(select 'policy ' || (u.body ->> 'policy_key') || ' is in force here, and another version of it there'
    from upstream u join approval_policy p
        on p.policy_key = u.body ->> 'policy_key' and p.status = 'active' and p.id::text <> u.id
    where u.tbl = 'approval_policy' and u.body ->> 'status' = 'active'
        and not exists (select from approval_policy own where own.id::text = u.id) limit 100)
union all
(select distinct tbl || ': ' || (body ->> 'status') || ' is no status that is known'
    from upstream
    where tbl = 'approval_policy' and body ->> 'status' not in ('draft', 'active', 'archived')
        or tbl = 'approval_request'
            and body ->> 'status' not in ('pending', 'in_review', 'approved', 'rejected', 'cancelled', 'expired')
        or tbl = 'approval_task'
            and body ->> 'status' not in ('open', 'claimed', 'completed', 'skipped', 'expired', 'reassigned')
        or tbl = 'webhook_delivery' and body ->> 'status' not in ('pending', 'failed', 'delivered', 'exhausted') limit 100)
union all
(select distinct 'approval_event: ' || (body ->> 'event_type') || ' is no type of event that is known'
    from upstream
    where tbl = 'approval_event' and body ->> 'event_type' not in ('request_created', 'stage_started',
        'stage_completed', 'stage_skipped', 'stage_escalated', 'task_expired', 'task_reassigned', 'task_claimed',
        'decision_recorded', 'request_approved', 'request_rejected', 'request_cancelled', 'request_expired') limit 100)
union all
(select 'approval_task ' || (body ->> 'task_id') || ' has ' || count(*) || ' decisions, not one'
    from upstream where tbl = 'approval_decision' group by body ->> 'task_id' having count(*) > 1 limit 100)
union all
(select 'webhook_delivery: event ' || (body ->> 'event_id') || ' has ' || count(*) || ' deliveries, not one'
    from upstream where tbl = 'webhook_delivery' group by body ->> 'event_id' having count(*) > 1 limit 100)
union all
(select 'approval_request ' || u.id || ': its policy ' || (u.body ->> 'policy_id') || ' is missing'
    from upstream u
    where u.tbl = 'approval_request' and not exists (
        select from upstream p where p.tbl = 'approval_policy' and p.id = u.body ->> 'policy_id') limit 100)
union all
(select 'approval_request ' || u.id || ' has no events, so nobody can tell how far it is'
    from upstream u
    where u.tbl = 'approval_request' and not exists (
        select from upstream e where e.tbl = 'approval_event' and e.body ->> 'request_id' = u.id) limit 100)
union all
(select 'user_delegation ' || id || ': it ends before it begins, or leads to its own user'
    from upstream
    where tbl = 'user_delegation' and ((body ->> 'starts_at')::timestamptz >= (body ->> 'ends_at')::timestamptz
        or body ->> 'user_id' = body ->> 'delegate_to') limit 100)
