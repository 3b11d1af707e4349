-- Which processes run, and what for: each writes its row every ten seconds, and removes rows of processes that have not
-- been seen for an hour. `awe doctor` finds roles here that nobody plays.
create table process (
    id uuid primary key,
    host text not null,
    version text not null,
    roles text[] not null,
    -- Whether it has a staff directory to ask.
    directory boolean not null,
    -- Its loops that do not run as they should, each with its state and why.
    troubles text[] not null,
    started_at timestamptz not null
        constraint process_started_at_is_moment
            check (started_at between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z'),
    seen_at timestamptz not null
        constraint process_seen_at_is_moment
            check (seen_at between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z')
);
