-- An event that the stream refuses for itself (it is larger than the server takes) is set aside with the reason, and
-- those after it go on. `awe outbox republish` has it tried again.
alter table approval_event
    add column refused_at timestamptz
        constraint approval_event_refused_at_is_moment
            check (refused_at between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z'),
    add column refused_because text;

create index approval_event_refused on approval_event (position) where refused_at is not null;
