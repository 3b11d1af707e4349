-- Replicas cache the delegations of the people they seat, each with the number of that person's last change. A commit
-- that seats somebody names the numbers it saw; when one has moved on, nothing is written. So whoever changes their own
-- delegations makes nobody look again but those who seat them. A number is never taken back, and a row never removed.
create table delegation_version (
    user_id text primary key,
    version bigint not null
);

-- The number of the policies alone. `epoch` goes on counting delegations too, for processes of the version before that
-- cache all of them, and goes with a later release.
alter table catalog add column policy_epoch bigint not null default 1;

create or replace function bump_catalog() returns trigger language plpgsql as $$
begin
    update catalog set epoch = epoch + 1,
        policy_epoch = policy_epoch + case when tg_table_name = 'approval_policy' then 1 else 0 end;
    return null;
end $$;

create index user_delegation_live on user_delegation (user_id, ends_at);

-- At most 100 at once that are or will be in force. The row of the number is locked first, so that two writers cannot
-- both be the hundredth.
create function number_delegation() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        insert into delegation_version (user_id, version) values (old.user_id, 1)
        on conflict (user_id) do update set version = delegation_version.version + 1;
    end if;
    if tg_op <> 'DELETE' then
        insert into delegation_version (user_id, version) values (new.user_id, 1)
        on conflict (user_id) do update set version = delegation_version.version + 1;
        if new.ends_at > now() and 100 < (
            select count(*) from user_delegation d where d.user_id = new.user_id and d.ends_at > now())
        then
            raise exception 'user % has 100 delegations that are or will be in force', new.user_id
                using errcode = 'check_violation', constraint = 'user_delegation_bound';
        end if;
    end if;
    return null;
end $$;

create trigger user_delegation_numbered after insert or update or delete on user_delegation
    for each row execute function number_delegation();

create function number_truncated_delegations() returns trigger language plpgsql as $$
begin
    update delegation_version set version = version + 1;
    return null;
end $$;

create trigger user_delegation_truncated after truncate on user_delegation
    for each statement execute function number_truncated_delegations();

-- Whoever has had one before this has a number from the start.
insert into delegation_version (user_id, version) select distinct user_id, 1 from user_delegation;
