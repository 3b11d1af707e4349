-- How many requests were created and ended on which day (UTC), counted from the events as they come, so that nobody
-- has to count what is finished.
create table request_day (
    day date primary key,
    created bigint not null default 0,
    approved bigint not null default 0,
    rejected bigint not null default 0,
    cancelled bigint not null default 0,
    expired bigint not null default 0
);

create table request_tally (
    only_row boolean primary key default true check (only_row),
    -- Every event up to this position is counted.
    position bigint not null
);

do $$
begin
    -- Nobody commits an event until this is committed, so that what is counted here and what comes after it meet.
    lock table approval_event in share row exclusive mode;

    insert into request_tally (position) select coalesce(max(position), 0) from approval_event;

    insert into request_day (day, created)
    select (created_at at time zone 'UTC')::date, count(*) from approval_request group by 1;

    insert into request_day (day, approved, rejected, cancelled, expired)
    select (completed_at at time zone 'UTC')::date, count(*) filter (where status = 'approved'),
        count(*) filter (where status = 'rejected'), count(*) filter (where status = 'cancelled'),
        count(*) filter (where status = 'expired')
    from approval_request where completed_at is not null group by 1
    on conflict (day) do update set approved = excluded.approved, rejected = excluded.rejected,
        cancelled = excluded.cancelled, expired = excluded.expired;
end $$;

-- The circuits of endpoints that a process does not send to now, for operators.
alter table process add column circuits jsonb not null default '[]';
