-- Before the stream is compared with the outbox the comparison gets a number, and an acknowledgement from before it is
-- noted no more: it may be of a message that the comparison has found to be missing.
alter table outbox_stream add column comparison bigint not null default 0;
-- The first comparison begins before a stream is remembered.
alter table outbox_stream alter column incarnation drop not null;
