-- no-transaction
create index concurrently approval_event_end on approval_event (event_type, request_id)
    where event_type in ('request_approved', 'request_rejected', 'request_cancelled', 'request_expired');
