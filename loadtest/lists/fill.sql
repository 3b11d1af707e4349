-- Requests with one task each: `finished` approved ones, then `open` ones in review. Every second task is amy's; the
-- others belong to a hundred people. psql fills in :policy (id of a policy version), :finished and :open.
create temporary table made as
select n, n > :finished as is_open, gen_random_uuid() as request, gen_random_uuid() as task,
    gen_random_uuid() as decision,
    case when n % 2 = 0 then 'amy' else 'person-' || n % 100 end as assignee,
    now() - (:finished + :open - n) * interval '1 second' as created
from generate_series(1, :finished + :open) n;

insert into approval_request (id, policy_id, policy_key, policy_version, artifact_type, artifact_id, source_service,
    requester, context, status, current_stage_order, stages, completed_at, created_at, updated_at, last_sequence)
select request, :'policy', 'load.v1', 1, 'load_artifact', 'artifact-' || n, 'load-caller', 'maker-' || n % 1000,
    jsonb_build_object('amount', n, 'branch', 'north', 'reason', 'Monthly disbursement'),
    case when is_open then 'in_review' else 'approved' end, 1, '[]', case when is_open then null else created end,
    created, created, 5
from made;

insert into approval_task (id, request_id, stage_id, stage_order, ordinal, assignee, kind, required, seated, status,
    due_at, created_at, completed_at, decision_id)
select task, request, gen_random_uuid(), 1, 0, assignee, 'approver', false, true,
    case when is_open then 'open' else 'completed' end, case when n % 10 = 0 then created + interval '1 day' end,
    created, case when is_open then null else created end, case when is_open then null else decision end
from made;

insert into approval_decision (id, request_id, task_id, stage_order, actor, action, comment, created_at)
select decision, request, task, 1, assignee, 'approve', 'Checked', created from made where not is_open;

drop table made;
vacuum analyze approval_request;
vacuum analyze approval_task;
vacuum analyze approval_decision;
