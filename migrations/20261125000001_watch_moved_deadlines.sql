-- An operator may move a deadline by SQL, and the row decides. Raising the row version makes every copy of the request
-- in memory stale; the notification tells whoever waits for deadlines to look now. AWE itself never sets these columns
-- after the insert, so its own commits neither fire these triggers nor notify, which would serialise them.
create function tell_moved_deadline() returns trigger language plpgsql as $$
begin
    -- The same notification twice in one transaction is sent once, however many rows are moved.
    notify awe_deadlines;
    if tg_table_name = 'approval_task' then
        update approval_request set row_version = row_version + 1 where id = new.request_id;
    else
        new.row_version := old.row_version + 1;
    end if;
    return new;
end $$;

create trigger approval_task_due_moved after update of due_at on approval_task
    for each row when (old.due_at is distinct from new.due_at) execute function tell_moved_deadline();

create trigger approval_request_expiry_moved before update of expires_at on approval_request
    for each row when (old.expires_at is distinct from new.expires_at) execute function tell_moved_deadline();
