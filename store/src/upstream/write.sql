-- What waits in `upstream` becomes ours. Whatever is here already (by its id) is left as it stands, with all that belongs
-- to it: a request may have gone on since it was taken over.
create temp table written (place serial, what text, rows bigint) on commit drop;

-- Policies begin as drafts, get their stages, and only then their status: what was once in force is never changed.
create temp table new_policy on commit drop as
select u.id::uuid as id, u.body as b from upstream u
where u.tbl = 'approval_policy' and not exists (select from approval_policy p where p.id = u.id::uuid);

insert into approval_policy (id, policy_key, version, name, description, artifact_type, forbid_self_approval,
    forbid_repeat_approvers, created_by, created_at, updated_at)
select id, b ->> 'policy_key', (b ->> 'version')::int, b ->> 'name', b ->> 'description', b ->> 'artifact_type',
    (b ->> 'forbid_self_approval')::bool, (b ->> 'forbid_repeat_approvers')::bool, b ->> 'created_by',
    (b ->> 'created_at')::timestamptz, (b ->> 'updated_at')::timestamptz
from new_policy;

create temp table new_stage on commit drop as
select u.id::uuid as id, p.id as policy_id, u.body as b
from upstream u join new_policy p on p.id = (u.body ->> 'policy_id')::uuid where u.tbl = 'approval_stage';

insert into approval_stage (id, policy_id, stage_order, name, mode, mode_value, sla_hours, skip_if, on_empty,
    parallel_group, on_breach)
select id, policy_id, (b ->> 'stage_order')::int, b ->> 'name', lower(b ->> 'mode'),
    case when lower(b ->> 'mode') <> 'all' then (b ->> 'mode_value')::int end, (b ->> 'sla_hours')::int,
    case when jsonb_typeof(b -> 'skip_if') <> 'null' then b -> 'skip_if' end, b ->> 'on_empty',
    (b ->> 'parallel_group')::int,
    case when (b ->> 'sla_hours') is null then 'notify' else coalesce(b ->> 'on_breach', 'notify') end
from new_stage;

insert into approver_rule (id, stage_id, position, escalation, rule_type, rule_value, kind, required)
select u.id::uuid, s.id, row_number() over (partition by s.id order by u.body ->> 'created_at', u.id)::int - 1, false,
    u.body ->> 'rule_type', u.body -> 'rule_value', coalesce(u.body ->> 'kind', 'approver'),
    coalesce((u.body ->> 'required')::bool and u.body ->> 'kind' <> 'observer', false)
from upstream u join new_stage s on s.id = (u.body ->> 'stage_id')::uuid where u.tbl = 'approver_rule';

insert into approver_rule (id, stage_id, position, escalation, rule_type, rule_value, kind, required)
select gen_random_uuid(), s.id, r.n::int - 1, true, r.rule ->> 'rule_type', r.rule -> 'rule_value', 'approver',
    coalesce((r.rule ->> 'required')::bool, false)
from new_stage s, jsonb_array_elements(case when s.b ->> 'on_breach' = 'escalate'
    and jsonb_typeof(s.b -> 'escalation_rules_json') = 'array' then s.b -> 'escalation_rules_json' else '[]' end)
    with ordinality as r (rule, n);

update approval_policy p set status = n.b ->> 'status' from new_policy n where p.id = n.id and n.b ->> 'status' <> 'draft';
insert into written (what, rows) select 'policies', count(*) from new_policy;

-- Events in their order, which is by moment: sequences are counted here.
create temp table new_request on commit drop as
select u.id::uuid as id, (u.body ->> 'policy_id')::uuid as policy_id, u.body as b,
    u.body ->> 'status' not in ('pending', 'in_review') as ended
from upstream u
where u.tbl = 'approval_request' and not exists (select from approval_request r where r.id = u.id::uuid);

create temp table new_event on commit drop as
select u.id::uuid as id, r.id as request_id, u.body ->> 'event_type' as event_type,
    coalesce(u.body -> 'payload', '{}') as payload, (u.body -> 'payload' ->> 'stage_order')::int as stage_order,
    (u.body ->> 'created_at')::timestamptz as created_at,
    row_number() over (partition by r.id order by (u.body ->> 'created_at')::timestamptz,
        u.body ->> 'event_type' <> 'request_created', u.body ->> 'event_type' like 'request_%', u.id) as sequence
from upstream u join new_request r on r.id = (u.body ->> 'request_id')::uuid where u.tbl = 'approval_event';
create index on new_event (request_id, stage_order);

create temp table new_task on commit drop as
select u.id::uuid as id, r.id as request_id, r.ended, u.body as b,
    (u.body ->> 'stage_order')::int as stage_order,
    row_number() over (partition by r.id order by (u.body ->> 'created_at')::timestamptz, u.id)::int - 1 as ordinal,
    d.id::uuid as decision_id
from upstream u join new_request r on r.id = (u.body ->> 'request_id')::uuid
left join upstream d on d.tbl = 'approval_decision' and d.body ->> 'task_id' = u.id
where u.tbl = 'approval_task';
create index on new_task (request_id, stage_order);

-- How far each stage of the policy is. One that was reached has events or tasks.
create temp table new_run on commit drop as
select r.id as request_id, s.stage_order, s.id as stage_id, s.parallel_group,
    case
        when e.skipped then 'skipped'
        when e.rejected then 'rejected'
        when e.completed then 'approved'
        when r.ended then 'closed'
        when exists (select from new_task t where t.request_id = r.id and t.stage_order = s.stage_order) then 'active'
        when r.b ->> 'status' = 'pending' and s.stage_order = (select min(f.stage_order) from approval_stage f
            where f.policy_id = s.policy_id) then 'resolving'
        else 'waiting'
    end as state,
    coalesce(e.escalated, false) as escalated
from new_request r join approval_stage s on s.policy_id = r.policy_id
left join lateral (
    select bool_or(event_type = 'stage_skipped') as skipped,
        bool_or(event_type = 'stage_completed' and payload ->> 'outcome' = 'rejected' or event_type = 'request_rejected')
            as rejected,
        bool_or(event_type = 'stage_completed') as completed, bool_or(event_type = 'stage_escalated') as escalated
    from new_event e where e.request_id = r.id and e.stage_order = s.stage_order
) e on true;

insert into approval_request (id, policy_id, policy_key, policy_version, artifact_type, artifact_id, source_service,
    requester, context, status, current_stage_order, stages, callback_url, completed_at, created_at, updated_at,
    last_sequence, resolve_after)
select r.id, r.policy_id, b ->> 'policy_key', (b ->> 'policy_version')::int, b ->> 'artifact_type', b ->> 'artifact_id',
    b ->> 'source_service', coalesce(b ->> 'requester', b ->> 'source_service'), coalesce(b -> 'context', '{}'),
    b ->> 'status',
    -- The first stage of the group that runs.
    coalesce((select min(n.stage_order) from new_run n join new_run c
        on c.request_id = r.id and c.stage_order = (b ->> 'current_stage_order')::int
        where n.request_id = r.id and (n.stage_order = c.stage_order or n.parallel_group = c.parallel_group)), 0),
    coalesce((select jsonb_agg(jsonb_build_object('stage_id', n.stage_id, 'order', n.stage_order, 'state', n.state,
        'escalated', n.escalated) order by n.stage_order) from new_run n where n.request_id = r.id), '[]'),
    b ->> 'callback_url',
    case when r.ended then coalesce(b ->> 'completed_at', b ->> 'updated_at')::timestamptz end,
    (b ->> 'created_at')::timestamptz, (b ->> 'updated_at')::timestamptz,
    (select count(*) from new_event e where e.request_id = r.id),
    case when exists (select from new_run n where n.request_id = r.id and n.state = 'resolving') then now() end
from new_request r;
insert into written (what, rows) select 'requests, ' || case when ended then 'ended' else 'under way' end, count(*)
from new_request group by ended order by ended;

insert into approval_task (id, request_id, stage_id, stage_order, ordinal, assignee, kind, required, seated,
    delegated_from, reassigned_from, status, due_at, created_at, claimed_at, claimed_by, completed_at, decision_id)
select t.id, t.request_id, (b ->> 'stage_id')::uuid, t.stage_order, t.ordinal, b ->> 'assignee', b ->> 'kind',
    -- The event that began the stage names whom the policy requires.
    b ->> 'kind' = 'approver' and exists (
        select from new_event e
        where e.request_id = t.request_id and e.stage_order = t.stage_order and e.event_type = 'stage_started'
            and coalesce(e.payload -> 'required_approvers', '[]')
                ?| array[b ->> 'assignee', b ->> 'delegated_from', b ->> 'reassigned_from']),
    s.status <> 'reassigned' and not (s.status = 'expired' and t.ended), b ->> 'delegated_from', b ->> 'reassigned_from',
    s.status, (b ->> 'due_at')::timestamptz, (b ->> 'created_at')::timestamptz, (b ->> 'claimed_at')::timestamptz,
    case when b ->> 'claimed_at' is not null then b ->> 'assignee' end,
    case when s.status not in ('open', 'claimed') then coalesce(b ->> 'completed_at', b ->> 'updated_at')::timestamptz end,
    t.decision_id
from new_task t, lateral (select case
    when b ->> 'status' = 'completed' and t.decision_id is null then 'skipped'
    when b ->> 'status' in ('open', 'claimed') and t.ended then 'skipped'
    when t.decision_id is not null then 'completed'
    else b ->> 'status' end as status) s;
insert into written (what, rows) select 'tasks', count(*) from new_task;

insert into approval_decision (id, request_id, task_id, stage_order, actor, on_behalf_of, action, comment,
    attachments_ref, late, created_at)
select u.id::uuid, t.request_id, t.id, t.stage_order, u.body ->> 'actor',
    nullif(t.b ->> 'assignee', u.body ->> 'actor'), u.body ->> 'action', u.body ->> 'comment',
    u.body ->> 'attachments_ref',
    coalesce((u.body ->> 'created_at')::timestamptz > (t.b ->> 'due_at')::timestamptz, false),
    (u.body ->> 'created_at')::timestamptz
from upstream u join new_task t on t.id = (u.body ->> 'task_id')::uuid where u.tbl = 'approval_decision';
insert into written (what, rows)
select 'decisions', count(*) from upstream u join new_task t on t.id = (u.body ->> 'task_id')::uuid
where u.tbl = 'approval_decision';

insert into approval_event (id, request_id, sequence, event_type, status, stage_order, actor, reason, payload, created_at)
select e.id, e.request_id, e.sequence, e.event_type,
    case e.event_type when 'request_created' then 'pending' when 'request_approved' then 'approved'
        when 'request_rejected' then 'rejected' when 'request_cancelled' then 'cancelled'
        when 'request_expired' then 'expired' else 'in_review' end,
    e.stage_order,
    coalesce(e.payload ->> 'actor', case when e.event_type = 'request_created'
        then coalesce(r.b ->> 'requester', r.b ->> 'source_service') end, 'system'),
    e.payload ->> 'reason', e.payload - array['actor', 'reason'], e.created_at
from new_event e join new_request r on r.id = e.request_id
order by e.created_at, e.request_id, e.sequence;
insert into written (what, rows) select 'events', count(*) from new_event;

-- They were told to the world where they happened: the stream gets what happens from now on.
insert into outbox_batch (settled, last_position, last_seq, positions, stream_seqs)
select max(position), max(position), 0, '{}', '{}' from approval_event having count(*) > 0;

insert into webhook_delivery (id, event_id, request_id, sequence, event_type, caller_service, url, status, attempt,
    next_attempt_at, last_attempt_at, last_status_code, last_error, created_at, updated_at)
select u.id::uuid, e.id, e.request_id, e.sequence, e.event_type, r.b ->> 'source_service', u.body ->> 'url',
    case when u.body ->> 'status' = 'failed' then 'pending' else u.body ->> 'status' end, (u.body ->> 'attempt')::int,
    (u.body ->> 'next_attempt_at')::timestamptz, (u.body ->> 'last_attempt_at')::timestamptz,
    (u.body ->> 'last_status_code')::int, u.body ->> 'last_error', (u.body ->> 'created_at')::timestamptz,
    (u.body ->> 'updated_at')::timestamptz
from upstream u join new_event e on e.id = (u.body ->> 'event_id')::uuid join new_request r on r.id = e.request_id
where u.tbl = 'webhook_delivery';
insert into written (what, rows)
select 'webhooks, ' || w.status, count(*) from webhook_delivery w join new_event e on e.id = w.event_id group by w.status;

with new_delegation as (
    insert into user_delegation (id, user_id, delegate_to, starts_at, ends_at, reason, created_by, created_at, updated_at)
    select id::uuid, body ->> 'user_id', body ->> 'delegate_to', (body ->> 'starts_at')::timestamptz,
        (body ->> 'ends_at')::timestamptz, body ->> 'reason', body ->> 'created_by', (body ->> 'created_at')::timestamptz,
        (body ->> 'updated_at')::timestamptz
    from upstream u
    where tbl = 'user_delegation' and not exists (select from user_delegation d where d.id = u.id::uuid)
    returning id
)
insert into written (what, rows) select 'delegations', count(*) from new_delegation;
