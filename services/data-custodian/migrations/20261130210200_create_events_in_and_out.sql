-- Events of AWE that were applied, each in the transaction of what it changed. `outcome` is the status that it says; an
-- event may come before the authorization that it is about is stored, and is then applied when that is.
create table applied_events (
    event_id text primary key,
    awe_request_id uuid not null,
    outcome varchar(50) not null,
    applied_at timestamptz not null default now()
);
create index applied_events_by_request on applied_events (awe_request_id);
create index applied_events_by_age on applied_events (applied_at);

-- Every change of an authorization's status, with what brought it about.
create table authorization_changes (
    id bigint generated always as identity primary key,
    authorization_id uuid not null references authorizations on delete cascade,
    status varchar(50) not null,
    cause text not null,
    changed_at timestamptz not null default now()
);
create index authorization_changes_by_authorization on authorization_changes (authorization_id);

-- Events of ours that NATS has still to take.
create table outbox (
    position bigint generated always as identity primary key,
    event_id uuid not null unique,
    subject text not null,
    body jsonb not null,
    created timestamptz not null default now()
);
