-- What whoever decided says they looked at. Older processes write none.
alter table approval_decision add column artifact_digest text;
