-- Writes :batch lifecycles (200 at most) as a hand-made program would: one statement and transaction creates them all, a
-- second one approves them all, a third one notes their events as published. They write every row and every update that
-- the server makes for these lifecycles, and nothing else. Ids are consecutive, as those of version 7 nearly are. JSON
-- that differs from request to request is made for each; the rest is constant.
with batch as materialized (
    select nextval('limit_batch') as n
), made as materialized (
    select n, i, ('00000000-0000-7000-8000-' || lpad(to_hex(n * 1000 + i), 12, '0'))::uuid as id
    from batch, generate_series(1, :batch::bigint) i
), requests as (
    insert into approval_request (id, policy_id, policy_key, policy_version, artifact_type, artifact_id,
        source_service, requester, context, status, current_stage_order, stages, callback_url, callback_secret_id,
        callback_events, expires_at, completed_at, created_at, updated_at, last_sequence, resolve_after)
    select id, '00000000-0000-7000-8000-000000000001', 'load.v1', 1, 'load_artifact', 'artifact-' || n || '-' || i,
        'load-caller', 'maker-' || i % 64,
        ('{"amount": ' || n * 100 + i || ', "branch": "north", "reason": "Monthly disbursement"}')::jsonb,
        'in_review', 1,
        '[{"order": 1, "state": "active", "stage_id": "00000000-0000-7000-8000-000000000002", "escalated": false}]',
        null, null, null, null, null, now(), now(), 2, null
    from made
), tasks as (
    insert into approval_task (id, request_id, stage_id, stage_order, ordinal, assignee, kind, required, seated,
        delegated_from, reassigned_from, status, due_at, created_at, claimed_at, completed_at, decision_id)
    select id, id, '00000000-0000-7000-8000-000000000002', 1, 0, 'load-approver', 'approver', false, true,
        null, null, 'open', null, now(), null, null, null
    from made
), events as (
    insert into approval_event (id, request_id, sequence, event_type, status, stage_order, actor, reason, payload,
        created_at)
    select ('00000000-0000-7000-8000-' || lpad(to_hex(n * 1000 + i * 5 - 5 + e.sequence), 12, '0'))::uuid, id,
        e.sequence, e.event_type, e.status, e.stage_order, 'load-caller', null, e.payload, now()
    from made, (values
        (1, 'request_created', 'pending', null, '{"requester": "maker-1", "policy_key": "load.v1",
            "policy_version": 1, "source_service": "load-caller"}'::jsonb),
        (2, 'stage_started', 'in_review', 1, '{"mode": "any-n", "approvers": ["load-approver"], "observers": [],
            "mode_value": 1, "stage_name": "Review"}')
    ) e (sequence, event_type, status, stage_order, payload)
    order by i, e.sequence
), open_requests as (
    insert into open_request (created_at, id) select now(), id from made
), open_tasks as (
    insert into open_task (assignee, created_at, id, request_id, status, artifact_type, policy_key)
    select 'load-approver', now(), id, id, 'open', 'load_artifact', 'load.v1' from made
)
select n from batch
\gset

with made as materialized (
    select i, ('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint * 1000 + i), 12, '0'))::uuid as id
    from generate_series(1, :batch::bigint) i
), requests as (
    update approval_request r
    set status = 'approved', current_stage_order = 1,
        stages = '[{"order": 1, "state": "approved", "stage_id": "00000000-0000-7000-8000-000000000002",
            "escalated": false}]',
        completed_at = now(), updated_at = now(), last_sequence = 5, resolve_after = null, resolve_attempt = 0,
        row_version = r.row_version + 1
    from made m
    where r.id = m.id and r.row_version = 1
), tasks as (
    update approval_task t
    set status = 'completed', seated = true, claimed_at = null, completed_at = now(), decision_id = m.id
    from made m
    where t.id = m.id
    returning t.id, t.created_at
), closed_tasks as (
    delete from open_task o using tasks t
    where o.assignee = 'load-approver' and o.created_at = t.created_at and o.id = t.id
), closed_requests as (
    delete from open_request o using tasks t where o.created_at = t.created_at and o.id = t.id
), decisions as (
    insert into approval_decision (id, request_id, task_id, stage_order, actor, on_behalf_of, action, comment,
        attachments_ref, late, created_at)
    select id, id, id, 1, 'load-approver', null, 'approve', 'Checked', null, false, now()
    from made
), events as (
    insert into approval_event (id, request_id, sequence, event_type, status, stage_order, actor, reason, payload,
        created_at)
    select ('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint * 1000 + i * 5 - 5 + e.sequence), 12, '0'))::uuid,
        id, e.sequence, e.event_type, e.status, e.stage_order, 'load-approver', null,
        coalesce(e.payload, ('{"kind": "approver", "late": false, "action": "approve", "comment": "Checked",
            "task_id": "' || id || '", "assignee": "load-approver", "decision_id": "' || id || '"}')::jsonb), now()
    from made, (values
        (3, 'decision_recorded', 'in_review', 1, null),
        (4, 'stage_completed', 'in_review', 1, '{"seats": 1, "outcome": "approved", "approvals": 1,
            "rejections": 0, "stage_name": "Review", "abstentions": 0}'::jsonb),
        (5, 'request_approved', 'approved', null, '{}')
    ) e (sequence, event_type, status, stage_order, payload)
    order by i, e.sequence
)
select count(*) from made;

insert into outbox_batch (settled, last_position, last_seq, positions, stream_seqs)
select max(p), max(p), max(p), array_agg(p), array_agg(p)
from generate_series(:n::bigint * 5 * :batch::bigint + 1, (:n::bigint + 1) * 5 * :batch::bigint) p;
