-- The policy of the hand-made lifecycles, and the sequence that numbers the batches.
insert into approval_policy (id, policy_key, version, name, artifact_type, status)
values ('00000000-0000-7000-8000-000000000001', 'load.v1', 1, 'Load', 'load_artifact', 'draft');

insert into approval_stage (id, policy_id, stage_order, name, mode, mode_value)
values ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 1, 'Review', 'any-n', 1);

insert into approver_rule (id, stage_id, position, rule_type, rule_value)
values ('00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000002', 1, 'user',
    '{"user_id": "load-approver"}');

update approval_policy set status = 'active';

create sequence limit_batch;
