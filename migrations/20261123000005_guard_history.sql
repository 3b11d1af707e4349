-- History is append-only. An event's outbox marks (published_at, stream_seq) may change; everything else never.
-- Retention deletes only inside a transaction that sets awe.retention = 'on'.
create function refuse_rewriting_history() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('awe.retention', true) = 'on' then
        return old;
    end if;
    raise exception '% is append-only: % refused', tg_table_name, lower(tg_op)
        using errcode = 'restrict_violation';
end $$;

create trigger approval_event_append_only
    before update of id, request_id, sequence, event_type, status, stage_order, actor, reason, payload, created_at
    or delete on approval_event for each row execute function refuse_rewriting_history();

create trigger approval_decision_append_only before update or delete on approval_decision
    for each row execute function refuse_rewriting_history();

create trigger audit_action_append_only before update or delete on audit_action
    for each row execute function refuse_rewriting_history();
