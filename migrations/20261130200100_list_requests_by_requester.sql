-- no-transaction
create index concurrently approval_request_requester on approval_request (requester, created_at desc, id desc);
