-- Open work is kept apart from finished work: who looks for it reads nothing that is finished, and finishing a task or
-- a request changes no column that an index holds. A row here repeats what open work is found and counted by; all else
-- the row of the task or request says.
create table open_request (
    created_at timestamptz not null
        constraint open_request_created_at_is_moment
            check (created_at between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z'),
    id uuid not null,
    -- When time ends it.
    expires_at timestamptz
        constraint open_request_expires_at_is_moment
            check (expires_at between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z'),
    primary key (created_at, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 2000);

create index open_request_expires on open_request (expires_at) where expires_at is not null;

-- Tasks that may still be decided: open, claimed, or expired and seated.
create table open_task (
    assignee text not null,
    created_at timestamptz not null
        constraint open_task_created_at_is_moment
            check (created_at between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z'),
    id uuid not null,
    request_id uuid not null,
    status text not null,
    due_at timestamptz
        constraint open_task_due_at_is_moment
            check (due_at between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z'),
    artifact_type text not null,
    policy_key text not null,
    primary key (assignee, created_at, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 2000);

-- Time acts on a task once.
create index open_task_due on open_task (due_at, id) where status <> 'expired' and due_at is not null;

create function is_decidable(status text, seated boolean, decision_id uuid) returns boolean language sql immutable as
    $$ select status in ('open', 'claimed') or status = 'expired' and seated and decision_id is null $$;

-- Makes the open work of one request true of its rows.
create function renew_open_work(request uuid) returns void language plpgsql as $$
begin
    insert into open_request (created_at, id, expires_at)
    select r.created_at, r.id, r.expires_at from approval_request r where r.id = request and r.completed_at is null
    on conflict (created_at, id) do update set expires_at = excluded.expires_at;
    delete from open_request o using approval_request r
    where r.id = request and r.completed_at is not null and o.created_at = r.created_at and o.id = r.id;
    insert into open_task (assignee, created_at, id, request_id, status, due_at, artifact_type, policy_key)
    select t.assignee, t.created_at, t.id, t.request_id, t.status, t.due_at, r.artifact_type, r.policy_key
    from approval_task t join approval_request r on r.id = t.request_id
    where t.request_id = request and is_decidable(t.status, t.seated, t.decision_id)
    on conflict (assignee, created_at, id) do update set status = excluded.status, due_at = excluded.due_at;
    delete from open_task o using approval_task t
    where t.request_id = request and not is_decidable(t.status, t.seated, t.decision_id)
        and o.assignee = t.assignee and o.created_at = t.created_at and o.id = t.id;
end $$;

create function note_open_request() returns trigger language plpgsql as $$
begin
    if new.completed_at is null then
        insert into open_request (created_at, id, expires_at) values (new.created_at, new.id, new.expires_at)
        on conflict (created_at, id) do update set expires_at = excluded.expires_at;
    else
        delete from open_request where created_at = new.created_at and id = new.id;
    end if;
    return null;
end $$;

create function note_open_task() returns trigger language plpgsql as $$
begin
    if is_decidable(new.status, new.seated, new.decision_id) then
        insert into open_task (assignee, created_at, id, request_id, status, due_at, artifact_type, policy_key)
        select new.assignee, new.created_at, new.id, new.request_id, new.status, new.due_at, r.artifact_type,
            r.policy_key
        from approval_request r where r.id = new.request_id
        on conflict (assignee, created_at, id) do update set status = excluded.status, due_at = excluded.due_at;
    else
        delete from open_task where assignee = new.assignee and created_at = new.created_at and id = new.id;
    end if;
    return null;
end $$;

-- Servers keep these tables themselves, in the statement that changes the work, and say so on their connections. For
-- all others (servers of the version before, people with SQL) the triggers do it.
create trigger approval_request_is_open after insert or update of completed_at, expires_at on approval_request
    for each row when (current_setting('awe.open_work', true) is distinct from 'kept')
    execute function note_open_request();
create trigger approval_task_is_open
    after insert or update of status, seated, decision_id, due_at on approval_task
    for each row when (current_setting('awe.open_work', true) is distinct from 'kept')
    execute function note_open_task();

-- Nobody writes until this is committed, so what is read here is all there is.
insert into open_request (created_at, id, expires_at)
select created_at, id, expires_at from approval_request where completed_at is null;
insert into open_task (assignee, created_at, id, request_id, status, due_at, artifact_type, policy_key)
select t.assignee, t.created_at, t.id, t.request_id, t.status, t.due_at, r.artifact_type, r.policy_key
from approval_task t join approval_request r on r.id = t.request_id
where is_decidable(t.status, t.seated, t.decision_id);

drop index approval_request_expires;
drop index approval_task_due;

-- Requests whose open work is not as their rows say: none, unless somebody wrote while triggers were off.
-- `select renew_open_work(request_id) from wrong_open_work` mends them.
create view wrong_open_work as
with requests as (
    select created_at, id, expires_at from approval_request where completed_at is null
), tasks as (
    select t.assignee, t.created_at, t.id, t.request_id, t.status, t.due_at, r.artifact_type, r.policy_key
    from approval_task t join approval_request r on r.id = t.request_id
    where is_decidable(t.status, t.seated, t.decision_id)
)
select id as request_id from (table requests except select created_at, id, expires_at from open_request) r
union
select id from (select created_at, id, expires_at from open_request except table requests) r
union
select request_id from (
    table tasks except select assignee, created_at, id, request_id, status, due_at, artifact_type, policy_key
    from open_task) t
union
select request_id from (
    select assignee, created_at, id, request_id, status, due_at, artifact_type, policy_key
    from open_task except table tasks) t;
