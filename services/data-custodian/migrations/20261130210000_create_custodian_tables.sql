-- Who may ask for data, whose data it is, and what was granted.

create table registered_clients (
    id uuid primary key,
    client_id text not null unique
        constraint registered_clients_client_id_check check (char_length(client_id) between 1 and 256),
    client_name text not null,
    status text not null default 'ACTIVE',
    -- Grants of this client take effect only once AWE's policy has approved them.
    requires_approval boolean not null default false,
    -- Null: `custodian.<client_id>`.
    awe_policy_key text,
    created timestamptz not null default now(),
    updated timestamptz not null default now()
);

create table registered_client_scopes (
    registered_client_id uuid not null references registered_clients on delete cascade,
    scope varchar(256) not null,
    primary key (registered_client_id, scope)
);

-- Where browsers may be sent back to: scheme, host, port and path; the query of a return is free.
create table registered_client_redirect_uris (
    registered_client_id uuid not null references registered_clients on delete cascade,
    uri varchar(1024) not null,
    primary key (registered_client_id, uri)
);

create table retail_customers (
    id bigint primary key,
    username text not null unique,
    first_name text,
    last_name text,
    email text,
    enabled boolean not null default true,
    account_locked boolean not null default false,
    created timestamptz not null default now(),
    updated timestamptz not null default now()
);

create table usage_points (
    id uuid primary key,
    -- Null: nobody's yet.
    retail_customer_id bigint references retail_customers,
    -- A number of ESPI: 0 electricity, 1 gas, 2 water.
    service_kind int not null,
    status text not null default 'on',
    uri text,
    created timestamptz not null default now(),
    updated timestamptz not null default now()
);
create index usage_points_by_customer on usage_points (retail_customer_id);

create table authorizations (
    id uuid primary key,
    registered_client_id uuid not null references registered_clients,
    retail_customer_id bigint not null references retail_customers,
    -- As it was granted, byte for byte.
    scope varchar(256) not null,
    third_party varchar(256) not null,
    status varchar(50) not null
        constraint authorizations_status_check check (status in ('PENDING', 'ACTIVE', 'REVOKED', 'EXPIRED')),
    resource_uri varchar(1024),
    authorization_uri varchar(1024) not null,
    customer_resource_uri varchar(1024),
    access_token text,
    refresh_token text,
    -- The request that has to be approved first; null: none had to be.
    awe_request_id uuid unique,
    -- It was withdrawn while it waited, and AWE has still to be told.
    cancel_owed boolean not null default false,
    -- When AWE was last asked about it.
    looked_at timestamptz,
    created timestamptz not null default now(),
    updated timestamptz not null default now()
);
create index authorizations_by_customer on authorizations (retail_customer_id);
create index authorizations_waiting on authorizations (looked_at nulls first) where status = 'PENDING' or cancel_owed;

create table subscriptions (
    id uuid primary key,
    authorization_id uuid not null references authorizations on delete cascade,
    registered_client_id uuid not null references registered_clients,
    retail_customer_id bigint not null references retail_customers,
    kind text not null constraint subscriptions_kind_check check (kind in ('resource', 'customer')),
    hashed_id text,
    last_update timestamptz not null default now(),
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    constraint subscriptions_one_of_a_kind unique (authorization_id, kind)
);

create table subscription_usage_points (
    subscription_id uuid not null references subscriptions on delete cascade,
    usage_point_id uuid not null references usage_points on delete cascade,
    primary key (subscription_id, usage_point_id)
);
