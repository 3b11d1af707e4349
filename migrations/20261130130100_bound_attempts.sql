-- Operators may reset `attempt`. One at its maximum could not be counted on: the webhook was sent, and that was never
-- recorded, so it was sent again and again.
update webhook_delivery set attempt = 1000000 where attempt > 1000000;
alter table webhook_delivery add constraint webhook_delivery_attempt_bound check (attempt <= 1000000) not valid;
update task_notification set attempt = 1000000 where attempt > 1000000;
alter table task_notification add constraint task_notification_attempt_bound check (attempt <= 1000000) not valid;

-- One list of client ids, none of them null: a row with anything else would fail the list of all secrets.
create function is_plain_list(items text[]) returns boolean language sql immutable as
    $$ select case when coalesce(array_ndims(items), 1) = 1 then array_position(items, null) is null else false end $$;
update callback_secret set clients = '{}' where not is_plain_list(clients);
alter table callback_secret add constraint callback_secret_clients_are_a_list check (is_plain_list(clients)) not valid;
