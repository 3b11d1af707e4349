-- A key may belong to a call that is about no request.
alter table idempotency_key alter column request_id drop not null;
