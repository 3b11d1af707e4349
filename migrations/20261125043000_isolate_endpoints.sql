-- Deliveries are leased per endpoint (scheme, host and port), so that none delays another. The column follows the URL,
-- also when an operator corrects one; what has no such beginning shares the endpoint ''.
alter table webhook_delivery add column endpoint text not null generated always as (coalesce(
    regexp_replace(lower(substring(url from '^[^/?#]*//[^/?#]*')), '^(http://.*):80$|^(https://.*):443$', '\1\2'), ''
)) stored;

create index webhook_delivery_endpoint on webhook_delivery (endpoint, next_attempt_at) where status = 'pending';
drop index webhook_delivery_due;

-- When somebody asked for an attempt now, by SQL or by API: it is made even while the endpoint rests after failures,
-- and the outcome of an attempt that was under way meanwhile does not take it back.
alter table webhook_delivery add column asked_at timestamptz;
create index webhook_delivery_asked on webhook_delivery (endpoint, asked_at)
    where status = 'pending' and asked_at is not null;

create function note_asked_attempt() returns trigger language plpgsql as $$
begin
    new.asked_at := now();
    return new;
end
$$;

-- Whoever leases or records changes the lease; whoever changes only the rest is a person asking.
create trigger webhook_delivery_asked before update of next_attempt_at, attempt, status on webhook_delivery
    for each row
    when (new.status = 'pending' and new.next_attempt_at <= now()
        and new.lease_token is not distinct from old.lease_token
        and (new.next_attempt_at, new.attempt, new.status)
            is distinct from (old.next_attempt_at, old.attempt, old.status))
    execute function note_asked_attempt();
