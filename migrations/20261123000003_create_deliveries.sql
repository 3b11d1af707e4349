-- Webhooks: one delivery per event and endpoint, one attempt per try. A worker leases a delivery by a conditional
-- update and records the outcome only while its lease token still stands.
create table webhook_delivery (
    id uuid primary key,
    event_id uuid not null constraint webhook_delivery_one_per_event unique references approval_event (id),
    request_id uuid not null,
    sequence bigint not null,
    event_type text not null,
    caller_service text not null,
    url text not null,
    status text not null default 'pending' check (status in ('pending', 'delivered', 'exhausted')),
    attempt integer not null default 0 check (attempt >= 0),
    next_attempt_at timestamptz not null,
    last_attempt_at timestamptz,
    last_status_code integer,
    last_error text,
    lease_token uuid,
    leased_until timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
) with (fillfactor = 85);

create index webhook_delivery_due on webhook_delivery (next_attempt_at) where status = 'pending';
create index webhook_delivery_request on webhook_delivery (request_id, sequence);
create index webhook_delivery_exhausted on webhook_delivery (updated_at) where status = 'exhausted';

create table webhook_attempt (
    id uuid primary key,
    delivery_id uuid not null references webhook_delivery (id) on delete cascade,
    attempt integer not null,
    started_at timestamptz not null,
    latency_ms integer not null,
    status_code integer,
    error text,
    response_excerpt text
);

create index webhook_attempt_delivery on webhook_attempt (delivery_id, attempt);

create table callback_secret (
    id uuid primary key,
    caller_service text not null,
    status text not null default 'active' check (status in ('active', 'rotated', 'revoked')),
    secret_ciphertext bytea not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    expires_at timestamptz,
    constraint callback_secret_overlap check (status <> 'rotated' or expires_at is not null)
);

create unique index callback_secret_one_active on callback_secret (caller_service) where status = 'active';
