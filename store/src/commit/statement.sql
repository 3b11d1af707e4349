with seen as materialized (
    select policy_epoch as epoch from catalog
),
-- Requests that seat somebody whose delegations have changed since they were read.
outdated as materialized (
    select distinct r.request_id from unnest($101::uuid[], $102::text[], $103::bigint[])
        as r (request_id, user_id, version)
    left join delegation_version v on v.user_id = r.user_id
    where coalesce(v.version, 0) <> r.version
),
created_in as materialized (
    select * from unnest(
        $1::uuid[], $2::bigint[], $3::bool[], $4::uuid[], $5::text[], $6::int[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::jsonb[], $12::text[], $13::int[], $14::jsonb[],
        $15::text[], $16::uuid[], $17::jsonb[], $18::timestamptz[], $19::timestamptz[],
        $20::timestamptz[], $21::bigint[], $22::timestamptz[]
    ) as c (id, epoch, keyed, policy_id, policy_key, policy_version, artifact_type, artifact_id, source_service,
        requester, context, status, current_stage_order, stages, callback_url, callback_secret_id, callback_events,
        expires_at, completed_at, created_at, last_sequence, resolve_after)
    where (c.epoch is null or c.epoch = (select epoch from seen)) and c.id not in (select request_id from outdated)
),
keyed as (
    insert into idempotency_key (subject, key, body, request_id, response)
    select k.* from unnest(
        $23::text[], $24::text[], $25::jsonb[], $26::uuid[], $27::jsonb[]
    ) as k (subject, key, body, request_id, response)
    where k.request_id in (select id from created_in)
    order by k.subject, k.key
    on conflict do nothing
    returning request_id
),
created as (
    insert into approval_request (id, policy_id, policy_key, policy_version, artifact_type, artifact_id,
        source_service, requester, context, status, current_stage_order, stages, callback_url, callback_secret_id,
        callback_events, expires_at, completed_at, created_at, updated_at, last_sequence, resolve_after)
    select id, policy_id, policy_key, policy_version, artifact_type, artifact_id, source_service, requester, context,
        status, current_stage_order, stages, callback_url, callback_secret_id,
        (select array_agg(word) from jsonb_array_elements_text(callback_events) word),
        expires_at, completed_at, created_at, created_at, last_sequence, resolve_after
    from created_in
    where not keyed or id in (select request_id from keyed)
    returning id
),
moved_in as materialized (
    select * from unnest(
        $28::uuid[], $29::bigint[], $30::bigint[], $31::text[], $32::int[], $33::jsonb[],
        $34::timestamptz[], $35::timestamptz[], $36::bigint[], $37::timestamptz[], $38::int[]
    ) as m (id, expected, epoch, status, current_stage_order, stages, completed_at, updated_at, last_sequence,
        resolve_after, resolve_attempt)
    where (m.epoch is null or m.epoch = (select epoch from seen)) and m.id not in (select request_id from outdated)
),
locked as materialized (
    select r.id from approval_request r join moved_in m on r.id = m.id and r.row_version = m.expected
    order by r.id
    for no key update of r skip locked
),
moved as (
    update approval_request r
    set status = m.status, current_stage_order = m.current_stage_order, stages = m.stages,
        completed_at = m.completed_at, updated_at = m.updated_at, last_sequence = m.last_sequence,
        resolve_after = m.resolve_after, resolve_attempt = m.resolve_attempt, row_version = r.row_version + 1
    from moved_in m
    where r.id = m.id and r.row_version = m.expected and r.id in (select id from locked)
    returning r.id
),
done as materialized (
    select id from created union all select id from moved
),
new_tasks as (
    insert into approval_task (id, request_id, stage_id, stage_order, ordinal, assignee, kind, required, seated,
        delegated_from, reassigned_from, status, due_at, created_at, claimed_at, completed_at, decision_id)
    select t.* from unnest(
        $39::uuid[], $40::uuid[], $41::uuid[], $42::int[], $43::int[], $44::text[], $45::text[],
        $46::bool[], $47::bool[], $48::text[], $49::text[], $50::text[], $51::timestamptz[],
        $52::timestamptz[], $53::timestamptz[], $54::timestamptz[], $55::uuid[]
    ) as t (id, request_id, stage_id, stage_order, ordinal, assignee, kind, required, seated, delegated_from,
        reassigned_from, status, due_at, created_at, claimed_at, completed_at, decision_id)
    where t.request_id in (select id from done)
),
changed_tasks as (
    update approval_task o
    set status = t.status, seated = t.seated, claimed_at = t.claimed_at, completed_at = t.completed_at,
        decision_id = t.decision_id
    from unnest(
        $56::uuid[], $57::uuid[], $58::text[], $59::bool[], $60::timestamptz[], $61::timestamptz[],
        $62::uuid[]
    ) as t (id, request_id, status, seated, claimed_at, completed_at, decision_id)
    where o.id = t.id and t.request_id in (select id from done)
),
decisions as (
    insert into approval_decision (id, request_id, task_id, stage_order, actor, on_behalf_of, action, comment,
        attachments_ref, late, created_at)
    select d.* from unnest(
        $63::uuid[], $64::uuid[], $65::uuid[], $66::int[], $67::text[], $68::text[], $69::text[],
        $70::text[], $71::text[], $72::bool[], $73::timestamptz[]
    ) as d (id, request_id, task_id, stage_order, actor, on_behalf_of, action, comment, attachments_ref, late,
        created_at)
    where d.request_id in (select id from done)
),
events as (
    insert into approval_event (id, request_id, sequence, event_type, status, stage_order, actor, reason, payload,
        created_at)
    select e.id, e.request_id, e.sequence, e.event_type, e.status, e.stage_order, e.actor, e.reason, e.payload,
        e.created_at
    from unnest(
        $74::uuid[], $75::uuid[], $76::bigint[], $77::text[], $78::text[], $79::int[], $80::text[],
        $81::text[], $82::jsonb[], $83::timestamptz[]
    ) with ordinality as e (id, request_id, sequence, event_type, status, stage_order, actor, reason, payload,
        created_at, n)
    where e.request_id in (select id from done)
    order by n
),
deliveries as (
    insert into webhook_delivery (id, event_id, request_id, sequence, event_type, caller_service, url,
        next_attempt_at, created_at, updated_at)
    select d.id, d.event_id, d.request_id, d.sequence, d.event_type, d.caller_service, d.url,
        -- Due at once by the clock that it is compared with, whatever the clock of its server says.
        least(d.created_at, now()), d.created_at, d.created_at
    from unnest(
        $84::uuid[], $85::uuid[], $86::uuid[], $87::bigint[], $88::text[], $89::text[], $90::text[],
        $91::timestamptz[]
    ) as d (id, event_id, request_id, sequence, event_type, caller_service, url, created_at)
    where d.request_id in (select id from done)
),
audits as (
    insert into audit_action (id, actor, action, resource_type, resource_id, summary, before, after)
    select a.id, a.actor, a.action, a.resource_type, a.resource_id, a.summary, a.before, a.after
    from unnest(
        $92::uuid[], $93::uuid[], $94::text[], $95::text[], $96::text[], $97::text[], $98::text[],
        $99::jsonb[], $100::jsonb[]
    ) as a (id, request_id, actor, action, resource_type, resource_id, summary, before, after)
    where a.request_id in (select id from done)
)
select seen.epoch, found.id, found.outdated from seen left join (
    select id, false as outdated from done union all select request_id, true from outdated
) found on true
