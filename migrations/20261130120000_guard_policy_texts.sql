-- What was once in force keeps its text. Only a draft's stages and rules change; of a started version only the status
-- moves, between active and archived. `text_sha256` is the SHA-256 of the canonical text (docs/audit.md), written when
-- a version is activated: what is read later can be compared with what was activated.
alter table approval_policy
    add column text_sha256 text check (text_sha256 ~ '^[0-9a-f]{64}$');

create or replace function refuse_change_of_started_policy() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if new.status <> 'draft' then
            raise exception 'policy % version % must begin as a draft', new.policy_key, new.version
                using errcode = 'restrict_violation';
        end if;
        return new;
    end if;
    if old.status = 'draft' then
        return case tg_op when 'DELETE' then old else new end;
    end if;
    if tg_op = 'DELETE' then
        raise exception 'policy % version % is % and cannot be deleted', old.policy_key, old.version, old.status
            using errcode = 'restrict_violation';
    end if;
    if new.status = 'draft' then
        raise exception 'policy % version % is % and never becomes a draft again', old.policy_key, old.version, old.status
            using errcode = 'restrict_violation';
    end if;
    -- The hash may be added to a version that was activated without one; it never changes.
    if (to_jsonb(new) - array['status', 'updated_at', 'text_sha256'])
           is distinct from (to_jsonb(old) - array['status', 'updated_at', 'text_sha256'])
       or (old.text_sha256 is not null and new.text_sha256 is distinct from old.text_sha256) then
        raise exception 'policy % version % is % and cannot be edited', old.policy_key, old.version, old.status
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;

drop trigger approval_policy_immutable on approval_policy;
create trigger approval_policy_immutable before insert or update or delete on approval_policy
    for each row execute function refuse_change_of_started_policy();

-- The policy's row is locked against a change of its status, so that nothing is added while it is being activated.
create function refuse_change_of_started_stages() returns trigger language plpgsql as $$
declare
    policies uuid[];
    started record;
begin
    if tg_table_name = 'approval_stage' then
        policies := case tg_op
            when 'INSERT' then array[new.policy_id]
            when 'DELETE' then array[old.policy_id]
            else array[old.policy_id, new.policy_id] end;
    else
        select array_agg(policy_id) into policies from approval_stage where id = any (case tg_op
            when 'INSERT' then array[new.stage_id]
            when 'DELETE' then array[old.stage_id]
            else array[old.stage_id, new.stage_id] end);
    end if;
    -- What goes with its policy or stage finds none: that was allowed when it went.
    for started in
        select policy_key, version, status from approval_policy where id = any (policies) order by id for share
    loop
        if started.status <> 'draft' then
            raise exception 'policy % version % is %: its stages and rules cannot be changed',
                started.policy_key, started.version, started.status using errcode = 'restrict_violation';
        end if;
    end loop;
    return case tg_op when 'DELETE' then old else new end;
end $$;

create trigger approval_stage_immutable before insert or update or delete on approval_stage
    for each row execute function refuse_change_of_started_stages();
create trigger approver_rule_immutable before insert or update or delete on approver_rule
    for each row execute function refuse_change_of_started_stages();
