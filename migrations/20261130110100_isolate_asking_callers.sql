-- no-transaction
-- What somebody asked to be attempted now, per caller and endpoint. As in the file before, the index by endpoint alone
-- stays for processes of the version before.
create index concurrently webhook_delivery_asked_destination
    on webhook_delivery (caller_service, left(endpoint, 300), asked_at)
    where status = 'pending' and asked_at is not null;
