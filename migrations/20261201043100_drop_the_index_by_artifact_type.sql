-- no-transaction
-- The one by id serves what it served.
drop index concurrently approval_request_artifact;
