-- Requests with one task each: `finished` ones, of which every thousandth is rejected and the others are approved, then
-- `open` ones in review. Every second task is amy's; the others belong to a hundred people. A finished one has had a
-- webhook, which was given up where it was rejected; one in ten is followed by an action of an administrator. psql fills
-- in :policy (id of a policy version), :finished and :open.
set awe.open_work = 'kept';

-- An id of version 7, made at that moment; servers before PostgreSQL 18 have no such function.
create function pg_temp.id_of(at timestamptz) returns uuid language sql volatile as $$
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
        || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
$$;

create temporary table made as
select n, n > :finished as is_open, n % 1000 = 0 as is_rejected, pg_temp.id_of(at) as request,
    pg_temp.id_of(at) as task, pg_temp.id_of(at) as decision, pg_temp.id_of(at) as event, pg_temp.id_of(at) as webhook,
    case when n % 2 = 0 then 'amy' else 'person-' || n % 100 end as assignee, at as created,
    case when n % 10 = 0 then at + interval '1 day' end as due
from (select n, now() - (:finished + :open - n) * interval '1 second' as at
    from generate_series(1, :finished + :open) n) numbers;

insert into approval_request (id, policy_id, policy_key, policy_version, artifact_type, artifact_id, source_service,
    requester, context, status, current_stage_order, stages, completed_at, created_at, updated_at, last_sequence)
select request, :'policy', 'load.v1', 1, 'load_artifact', 'artifact-' || n, 'load-caller', 'maker-' || n % 1000,
    jsonb_build_object('amount', n, 'branch', 'north', 'reason', 'Monthly disbursement'),
    case when is_open then 'in_review' when is_rejected then 'rejected' else 'approved' end, 1, '[]',
    case when is_open then null else created end, created, created, 1
from made;

insert into approval_task (id, request_id, stage_id, stage_order, ordinal, assignee, kind, required, seated, status,
    due_at, created_at, completed_at, decision_id)
select task, request, request, 1, 0, assignee, 'approver', false, true,
    case when is_open then 'open' else 'completed' end, due, created,
    case when is_open then null else created end, case when is_open then null else decision end
from made;

insert into approval_decision (id, request_id, task_id, stage_order, actor, action, comment, created_at)
select decision, request, task, 1, assignee, case when is_rejected then 'reject' else 'approve' end, 'Checked', created
from made where not is_open;

-- One event of the five is enough for lists.
insert into approval_event (id, request_id, sequence, event_type, status, actor, payload, created_at)
select event, request, 1,
    case when is_open then 'stage_started' when is_rejected then 'request_rejected' else 'request_approved' end,
    case when is_open then 'in_review' when is_rejected then 'rejected' else 'approved' end, assignee, '{}', created
from made order by n;

insert into webhook_delivery (id, event_id, request_id, sequence, event_type, caller_service, url, status, attempt,
    next_attempt_at, last_attempt_at, last_status_code, created_at, updated_at)
select webhook, event, request, 1, case when is_rejected then 'request_rejected' else 'request_approved' end,
    'load-caller', 'https://caller-' || n % 50 || '.example/hook', case when is_rejected then 'exhausted' else 'delivered' end,
    case when is_rejected then 12 else 1 end, created, created, case when is_rejected then 503 else 204 end, created, created
from made where not is_open;

insert into audit_action (id, occurred_at, actor, action, resource_type, resource_id, summary)
select pg_temp.id_of(created), created, 'admin-' || n % 20, 'task.reassign', 'task', task::text, 'reassigned by load'
from made where n % 10 = 0;

insert into outbox_batch (settled, last_position, last_seq, positions, stream_seqs)
select max(position), max(position), 0, '{}', '{}' from approval_event;

insert into open_request (created_at, id) select created, request from made where is_open;
insert into open_task (assignee, created_at, id, request_id, status, due_at, artifact_type, policy_key)
select assignee, created, task, request, 'open', due, 'load_artifact', 'load.v1' from made where is_open;

drop table made;
vacuum analyze approval_request;
vacuum analyze approval_task;
vacuum analyze approval_decision;
vacuum analyze approval_event;
vacuum analyze open_request;
vacuum analyze open_task;
vacuum analyze webhook_delivery;
vacuum analyze audit_action;
