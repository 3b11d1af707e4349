-- Operators work on these tables by SQL: they may move deadlines and expiries, and deliveries with their URL. What a
-- decision was taken on never changes, and nothing disappears but by retention, which says so in its transaction
-- (awe.retention = 'on') and deletes finished requests, their history and attempts of webhooks. The audit trail has no
-- such exception.
create function refuse_changing_what_is_frozen() returns trigger language plpgsql as $$
begin
    raise exception '%: % refused, these columns are frozen: %', tg_table_name, lower(tg_op), tg_argv[0]
        using errcode = 'restrict_violation';
end $$;

create trigger approval_request_frozen before update of id, policy_id, policy_key, policy_version, artifact_type,
        artifact_id, source_service, requester, context, callback_url, callback_secret_id, callback_events, created_at
    on approval_request for each row
    when ((old.id, old.policy_id, old.policy_key, old.policy_version, old.artifact_type, old.artifact_id,
           old.source_service, old.requester, old.context, old.callback_url, old.callback_secret_id,
           old.callback_events, old.created_at)
        is distinct from
          (new.id, new.policy_id, new.policy_key, new.policy_version, new.artifact_type, new.artifact_id,
           new.source_service, new.requester, new.context, new.callback_url, new.callback_secret_id,
           new.callback_events, new.created_at))
    execute function refuse_changing_what_is_frozen(
        'policy, artifact, source_service, requester, context, callback, created_at');

create trigger approval_task_frozen before update of id, request_id, stage_id, stage_order, ordinal, assignee, kind,
        required, delegated_from, reassigned_from, created_at
    on approval_task for each row
    when ((old.id, old.request_id, old.stage_id, old.stage_order, old.ordinal, old.assignee, old.kind, old.required,
           old.delegated_from, old.reassigned_from, old.created_at)
        is distinct from
          (new.id, new.request_id, new.stage_id, new.stage_order, new.ordinal, new.assignee, new.kind, new.required,
           new.delegated_from, new.reassigned_from, new.created_at))
    execute function refuse_changing_what_is_frozen(
        'request, stage, ordinal, assignee, kind, required, delegated_from, reassigned_from, created_at');

create trigger webhook_delivery_frozen before update of id, event_id, request_id, sequence, event_type, caller_service,
        created_at
    on webhook_delivery for each row
    when ((old.id, old.event_id, old.request_id, old.sequence, old.event_type, old.caller_service, old.created_at)
        is distinct from
          (new.id, new.event_id, new.request_id, new.sequence, new.event_type, new.caller_service, new.created_at))
    execute function refuse_changing_what_is_frozen('event, request, sequence, caller_service, created_at');

create or replace function refuse_rewriting_history() returns trigger language plpgsql as $$
declare
    may_go boolean;
begin
    if tg_op = 'DELETE' and current_setting('awe.retention', true) = 'on' then
        -- The columns differ from table to table.
        may_go := case tg_table_name
            when 'approval_request' then to_jsonb(old) ->> 'completed_at' is not null
            when 'webhook_attempt' then true
            when 'audit_action' then false
            else exists (select from approval_request r
                where r.id = (to_jsonb(old) ->> 'request_id')::uuid and r.completed_at is not null) end;
        if may_go then
            return old;
        end if;
    end if;
    raise exception '% is append-only: % refused', tg_table_name, lower(tg_op)
        using errcode = 'restrict_violation';
end $$;

create trigger approval_request_kept before delete on approval_request
    for each row execute function refuse_rewriting_history();
create trigger approval_task_kept before delete on approval_task
    for each row execute function refuse_rewriting_history();
create trigger webhook_delivery_kept before delete on webhook_delivery
    for each row execute function refuse_rewriting_history();
create trigger webhook_attempt_append_only before update or delete on webhook_attempt
    for each row execute function refuse_rewriting_history();
-- The order of commits is history too.
create trigger approval_event_position before update of position on approval_event
    for each row execute function refuse_rewriting_history();

-- A row trigger does not see a truncation.
create trigger approval_policy_not_truncated before truncate on approval_policy
    for each statement execute function refuse_rewriting_history();
create trigger approval_stage_not_truncated before truncate on approval_stage
    for each statement execute function refuse_rewriting_history();
create trigger approver_rule_not_truncated before truncate on approver_rule
    for each statement execute function refuse_rewriting_history();
create trigger approval_request_not_truncated before truncate on approval_request
    for each statement execute function refuse_rewriting_history();
create trigger approval_task_not_truncated before truncate on approval_task
    for each statement execute function refuse_rewriting_history();
create trigger approval_decision_not_truncated before truncate on approval_decision
    for each statement execute function refuse_rewriting_history();
create trigger approval_event_not_truncated before truncate on approval_event
    for each statement execute function refuse_rewriting_history();
create trigger webhook_delivery_not_truncated before truncate on webhook_delivery
    for each statement execute function refuse_rewriting_history();
create trigger webhook_attempt_not_truncated before truncate on webhook_attempt
    for each statement execute function refuse_rewriting_history();
create trigger audit_action_not_truncated before truncate on audit_action
    for each statement execute function refuse_rewriting_history();
