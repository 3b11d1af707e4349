-- What the stream has taken is noted by batch, so that an event is written once and never again. Until the servers of
-- the release before are gone, their relays find nothing to publish: an event that is inserted now looks published to
-- them. A relay of this release publishes it, whoever inserted it.
alter table approval_event alter column published_at set default now();

create table outbox_batch (
    id bigint generated always as identity primary key,
    -- Up to this position, every event was published or set aside when this batch was noted, and none can follow.
    settled bigint not null,
    -- The highest position in the batch, and the highest stream sequence of those that it still claims.
    last_position bigint not null,
    last_seq bigint not null,
    -- What the stream took, and under which sequence.
    positions bigint[] not null,
    stream_seqs bigint[] not null,
    published_at timestamptz not null default now()
        constraint outbox_batch_published_at_is_moment
            check (published_at between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z'),
    constraint outbox_batch_pairs check (cardinality(positions) = cardinality(stream_seqs))
);

create index outbox_batch_last_position on outbox_batch (last_position);
create index outbox_batch_last_seq on outbox_batch (last_seq);

-- Events that the stream lost, or that an operator wants there once more.
create table outbox_again (
    position bigint primary key
);

-- Events that the stream refuses for their own sake. They are not tried again until an operator asks for it.
create table outbox_refused (
    position bigint primary key,
    refused_at timestamptz not null default now()
        constraint outbox_refused_refused_at_is_moment
            check (refused_at between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z'),
    refused_because text
);

-- No insert is under way: the first statement waits for them, and keeps others waiting.
insert into outbox_batch (settled, last_position, last_seq, positions, stream_seqs)
select coalesce(max(position), 0), coalesce(max(position), 0), 0, '{}', '{}' from approval_event;

insert into outbox_again (position)
select position from approval_event where published_at is null and refused_at is null;

insert into outbox_refused (position, refused_at, refused_because)
select position, refused_at, refused_because from approval_event where refused_at is not null and published_at is null;

update approval_event set published_at = now() where published_at is null;

drop trigger approval_event_position on approval_event;
drop trigger approval_event_append_only on approval_event;
create trigger approval_event_append_only before update or delete on approval_event
    for each row execute function refuse_rewriting_history();

-- The events that wait for the stream.
create view unpublished_event as
with settled as (
    select settled as position from outbox_batch order by id desc limit 1
)
select e.position, e.id, e.request_id, e.sequence, e.created_at
from approval_event e, settled
where e.position > settled.position
    and e.position not in (
        select unnest(b.positions) from outbox_batch b, settled where b.last_position > settled.position)
    and not exists (select from outbox_refused f where f.position = e.position)
    and not exists (select from outbox_again a where a.position = e.position)
union all
select e.position, e.id, e.request_id, e.sequence, e.created_at
from outbox_again a join approval_event e on e.position = a.position;

-- The events that the stream has taken, with its sequence.
create view published_event as
select e.position, e.id, e.request_id, e.sequence, c.seq as stream_seq, b.published_at
from outbox_batch b cross join unnest(b.positions, b.stream_seqs) as c (position, seq)
join approval_event e on e.position = c.position;
