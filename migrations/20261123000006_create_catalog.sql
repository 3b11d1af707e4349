-- What replicas cache (the active version of each key, delegations) carries one number. A commit that relied on a
-- cached value names the number it saw; when it has moved on, nothing is written and the cache is read again.
create table catalog (
    only_row boolean primary key default true check (only_row),
    epoch bigint not null
);

insert into catalog (epoch) values (1);

create function bump_catalog() returns trigger language plpgsql as $$
begin
    update catalog set epoch = epoch + 1;
    return null;
end $$;

create trigger approval_policy_bumps_catalog after update of status or delete on approval_policy
    for each statement execute function bump_catalog();

create trigger user_delegation_bumps_catalog after insert or update or delete on user_delegation
    for each statement execute function bump_catalog();
