-- no-transaction
create index concurrently approval_request_policy on approval_request (policy_key, created_at desc, id desc);
