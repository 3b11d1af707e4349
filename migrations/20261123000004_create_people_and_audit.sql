create table user_delegation (
    id uuid primary key,
    user_id text not null,
    delegate_to text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    reason text,
    created_by text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint user_delegation_window check (starts_at < ends_at),
    constraint user_delegation_self check (user_id <> delegate_to)
);

create index user_delegation_user on user_delegation (user_id, created_at desc);
create index user_delegation_ends on user_delegation (ends_at);

create table audit_action (
    id uuid primary key,
    occurred_at timestamptz not null default now(),
    actor text not null,
    actor_email text,
    action text not null,
    resource_type text not null,
    resource_id text not null,
    summary text,
    before jsonb,
    after jsonb,
    metadata jsonb
);

create index audit_action_newest on audit_action (occurred_at desc, id desc);
create index audit_action_resource on audit_action (resource_type, resource_id);
