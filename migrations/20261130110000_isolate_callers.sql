-- no-transaction
-- Deliveries are leased per caller and endpoint, so that what one caller has sent to a host that fails, or to a
-- thousand hosts, delays no other caller. 300 characters hold every endpoint (a DNS name has 253 at most) and keep the
-- rows of the index within what a page of an index can hold. The index by endpoint alone stays for processes of the
-- version before, and goes with a later release.
create index concurrently webhook_delivery_destination
    on webhook_delivery (caller_service, left(endpoint, 300), next_attempt_at) where status = 'pending';
