-- What was marked event by event becomes batches, so that a comparison with the stream looks in one place.
insert into outbox_batch (settled, last_position, last_seq, positions, stream_seqs, published_at)
select (select max(settled) from outbox_batch), max(position), max(stream_seq),
    array_agg(position order by position), array_agg(stream_seq order by position), max(published_at)
from approval_event where stream_seq is not null
group by position / 4096 order by position / 4096;
