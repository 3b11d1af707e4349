-- Which incarnation of the event stream the relay publishes to. When the stream that is found is another one, it was
-- lost and made anew, and what was published to the one before is published again. An acknowledgement counts only
-- while the incarnation that gave it is the one remembered here.
create table outbox_stream (
    only_row boolean primary key default true check (only_row),
    incarnation text not null,
    seen_at timestamptz not null default now()
);

-- Finds the events that claim a part of the stream. Sequences grow with the table, so that this costs next to nothing
-- where a tree would take an insert for each event.
create index approval_event_stream_seq on approval_event using brin (stream_seq)
    with (pages_per_range = 16, autosummarize = on);
