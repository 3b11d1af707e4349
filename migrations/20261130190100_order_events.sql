-- no-transaction
create unique index concurrently approval_event_position on approval_event (position);
