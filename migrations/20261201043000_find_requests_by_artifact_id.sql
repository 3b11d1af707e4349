-- no-transaction
-- Callers and operators ask for an artifact by its id alone; the index by type first does not serve them.
create index concurrently approval_request_artifact_id on approval_request (artifact_id, artifact_type);
