-- Requests and what hangs on them. `row_version` is the guard of every transition: a commit names the version it
-- was decided on. `stages` is the progress of each stage: [{stage_id, order, state, escalated}].
-- `resolve_after` is set while a resolver owes an answer: the durable retry.
create table approval_request (
    id uuid primary key,
    policy_id uuid not null references approval_policy (id),
    policy_key text not null,
    policy_version integer not null,
    artifact_type text not null,
    artifact_id text not null,
    source_service text not null,
    requester text not null,
    context jsonb not null,
    status text not null
        check (status in ('pending', 'in_review', 'approved', 'rejected', 'cancelled', 'expired')),
    current_stage_order integer not null,
    stages jsonb not null,
    callback_url text,
    callback_secret_id uuid,
    callback_events text[],
    expires_at timestamptz,
    completed_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    row_version bigint not null default 1,
    last_sequence bigint not null,
    resolve_after timestamptz,
    resolve_attempt integer not null default 0,
    constraint approval_request_completed check
        ((completed_at is not null) = (status in ('approved', 'rejected', 'cancelled', 'expired')))
) with (fillfactor = 85);

create index approval_request_newest on approval_request (created_at desc, id desc);
create index approval_request_artifact on approval_request (artifact_type, artifact_id);
create index approval_request_resolve on approval_request (resolve_after) where resolve_after is not null;
create index approval_request_expires on approval_request (expires_at)
    where expires_at is not null and completed_at is null;

create table approval_task (
    id uuid primary key,
    request_id uuid not null references approval_request (id),
    stage_id uuid not null,
    stage_order integer not null,
    ordinal integer not null,
    assignee text not null,
    kind text not null check (kind in ('approver', 'observer')),
    required boolean not null,
    seated boolean not null,
    delegated_from text,
    reassigned_from text,
    status text not null
        check (status in ('open', 'claimed', 'completed', 'skipped', 'expired', 'reassigned')),
    due_at timestamptz,
    created_at timestamptz not null,
    claimed_at timestamptz,
    completed_at timestamptz,
    decision_id uuid,
    constraint approval_task_decided check (status <> 'completed' or decision_id is not null)
) with (fillfactor = 85);

create index approval_task_request on approval_task (request_id);
create index approval_task_inbox on approval_task (assignee, created_at desc, id desc);
create index approval_task_due on approval_task (due_at) where due_at is not null and status in ('open', 'claimed');

create table approval_decision (
    id uuid primary key,
    request_id uuid not null references approval_request (id),
    task_id uuid not null references approval_task (id),
    stage_order integer not null,
    actor text not null,
    on_behalf_of text,
    action text not null check (action in ('approve', 'reject', 'abstain')),
    comment text,
    attachments_ref text,
    late boolean not null default false,
    created_at timestamptz not null,
    constraint approval_decision_one_per_task unique (task_id)
);

create index approval_decision_request on approval_decision (request_id);

-- The history of a request and, by its last two columns, the outbox. `position` is commit order per request.
create table approval_event (
    id uuid primary key,
    request_id uuid not null references approval_request (id),
    sequence bigint not null check (sequence >= 1),
    event_type text not null,
    status text not null,
    stage_order integer,
    actor text not null,
    reason text,
    payload jsonb not null,
    created_at timestamptz not null,
    position bigint generated always as identity,
    published_at timestamptz,
    stream_seq bigint,
    constraint approval_event_sequence_key unique (request_id, sequence)
);

create index approval_event_unpublished on approval_event (position) where published_at is null;

create table idempotency_key (
    subject text not null,
    key text not null,
    body jsonb not null,
    request_id uuid not null,
    response jsonb not null,
    created_at timestamptz not null default now(),
    primary key (subject, key)
);

create index idempotency_key_age on idempotency_key (created_at);
