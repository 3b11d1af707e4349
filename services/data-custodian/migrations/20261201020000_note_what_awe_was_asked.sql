-- What AWE was asked for, from before the call until the grant is stored. A row that stays says that there may be a
-- request at AWE that nobody waits for.
create table approvals_asked (
    authorization_id uuid primary key,
    asked_at timestamptz not null default now(),
    -- Nothing will be stored under this id any more.
    given_up boolean not null default false,
    -- When AWE was last asked whether it has such a request.
    looked_at timestamptz
);
