-- Policies: one row per version. Drafts are edited in place; active and archived versions are immutable.
create table approval_policy (
    id uuid primary key,
    policy_key text not null,
    version integer not null check (version >= 1),
    name text not null,
    description text,
    artifact_type text not null,
    status text not null default 'draft' check (status in ('draft', 'active', 'archived')),
    forbid_self_approval boolean not null default false,
    forbid_repeat_approvers boolean not null default false,
    context_schema jsonb,
    created_by text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint approval_policy_version_key unique (policy_key, version)
);

create unique index approval_policy_one_active on approval_policy (policy_key) where status = 'active';

create table approval_stage (
    id uuid primary key,
    policy_id uuid not null references approval_policy (id) on delete cascade,
    stage_order integer not null check (stage_order >= 1),
    name text not null,
    mode text not null check (mode in ('all', 'any-n', 'quorum', 'percentage')),
    mode_value integer check (mode_value >= 1),
    reject_mode text not null default 'veto' check (reject_mode in ('veto', 'unreachable')),
    sla_hours integer check (sla_hours >= 1),
    skip_if jsonb,
    on_empty text not null default 'block' check (on_empty in ('block', 'skip')),
    parallel_group integer,
    on_breach text not null default 'notify'
        check (on_breach in ('notify', 'escalate', 'auto_approve', 'auto_reject')),
    constraint approval_stage_order_key unique (policy_id, stage_order)
);

create table approver_rule (
    id uuid primary key,
    stage_id uuid not null references approval_stage (id) on delete cascade,
    position integer not null,
    escalation boolean not null default false,
    rule_type text not null check (rule_type in ('user', 'role', 'group', 'expression', 'http')),
    rule_value jsonb not null,
    kind text not null default 'approver' check (kind in ('approver', 'observer')),
    required boolean not null default false,
    constraint approver_rule_position_key unique (stage_id, escalation, position)
);

-- A started version never changes its meaning: only its status may move on.
create function refuse_change_of_started_policy() returns trigger language plpgsql as $$
begin
    if old.status <> 'draft' and
       (new.policy_key, new.version, new.name, new.description, new.artifact_type,
        new.forbid_self_approval, new.forbid_repeat_approvers, new.context_schema)
       is distinct from
       (old.policy_key, old.version, old.name, old.description, old.artifact_type,
        old.forbid_self_approval, old.forbid_repeat_approvers, old.context_schema) then
        raise exception 'policy % version % is % and cannot be edited', old.policy_key, old.version, old.status
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;

create trigger approval_policy_immutable before update on approval_policy
    for each row execute function refuse_change_of_started_policy();
