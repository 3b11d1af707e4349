-- Where the feed of all events begins. Retention deletes whole requests, so it leaves holes in the order of events. A
-- reader whose place lies before the last hole would miss events without knowing, and has to be told.
create table event_feed (
    -- The highest position that was deleted: above it no event is missing.
    beginning bigint not null
);
create unique index event_feed_one_row on event_feed ((true));
insert into event_feed (beginning) values (0);

-- A trigger, so that it holds for servers of the version before and for SQL too.
create function note_feed_beginning() returns trigger language plpgsql as $$
begin
    update event_feed set beginning = (select max(position) from gone)
    where beginning < (select max(position) from gone);
    return null;
end $$;
create trigger approval_event_moves_beginning after delete on approval_event
    referencing old table as gone for each statement execute function note_feed_beginning();
