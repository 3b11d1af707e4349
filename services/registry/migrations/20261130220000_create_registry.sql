-- Which parts of a register there are, and who has to agree to changes of each.
create table g2p_register_sections (
    register_mnemonic text not null,
    section_id text not null,
    name text not null,
    auto_approval boolean not null default false,
    -- A template over {register} and {section}; without braces the key itself. Null: AWE is not asked.
    awe_policy_key text,
    -- What of a change AWE gets to see, as dotted paths into change_payload.
    awe_context_fields text[] not null default '{}',
    primary key (register_mnemonic, section_id)
);

create table g2p_register_change_request (
    change_request_id uuid primary key,
    -- The order of changes, and the place in lists.
    seq bigint generated always as identity unique,
    register_mnemonic text not null,
    section_id text not null,
    record_id text not null,
    edit_action text not null check (edit_action in ('create', 'update', 'delete')),
    requester text not null,
    -- Of the body that asked for it: the same Idempotency-Key with another body is refused.
    body_sha256 bytea not null,
    approval_status text not null default 'PENDING'
        check (approval_status in ('PENDING', 'APPROVED', 'REJECTED', 'CANCELLED')),
    approved_by text,
    approved_at timestamptz,
    rejected_by text,
    cancelled_by text,
    reason text,
    override_by text,
    override_reason text,
    -- Null: not gated by AWE.
    awe_request_id text unique,
    -- The reason with which AWE has still to be told that its request is cancelled.
    awe_cancel_owed text,
    created_at timestamptz not null default clock_timestamp(),
    foreign key (register_mnemonic, section_id) references g2p_register_sections
);
create index change_request_pending_of_record
    on g2p_register_change_request (register_mnemonic, record_id, seq) where approval_status = 'PENDING';
create index change_request_pending_gated
    on g2p_register_change_request (seq) where approval_status = 'PENDING' and awe_request_id is not null;
create index change_request_cancel_owed on g2p_register_change_request (seq) where awe_cancel_owed is not null;
create index change_request_of_requester on g2p_register_change_request (requester, seq);

create table g2p_register_change_request_payload (
    change_request_id uuid primary key references g2p_register_change_request,
    change_payload jsonb not null
);

-- The live register, and what it was. Written only in the transaction that approves a change.
create table register_record (
    register_mnemonic text not null,
    record_id text not null,
    data jsonb not null,
    version bigint not null,
    updated_at timestamptz not null default now(),
    primary key (register_mnemonic, record_id)
);

create table register_record_history (
    register_mnemonic text not null,
    record_id text not null,
    version bigint not null,
    -- Unique: no change is applied twice, whatever the program does.
    change_request_id uuid not null unique references g2p_register_change_request,
    edit_action text not null,
    -- The record after the change; null when it was deleted.
    data jsonb,
    changed_by text not null,
    changed_at timestamptz not null default now(),
    primary key (register_mnemonic, record_id, version)
);

-- Every event of AWE, once.
create table awe_webhook_event_log (
    event_id text primary key,
    request_id text not null,
    event_type text not null,
    received_at timestamptz not null default now(),
    -- Whether it is the event that changed the change request.
    applied boolean not null default false,
    -- Of the last failure; an event with one is tried again when it comes again.
    error text
);
create index event_log_of_request on awe_webhook_event_log (request_id);
