-- Mails that people are owed: one for each task when it is assigned, and one for each deadline that somebody is reminded
-- of (`reminder_of`; null = the task was assigned). The row is the truth, and goes with its task. A worker takes a row
-- by a conditional update that counts `attempt` and sets `next_attempt_at` past the attempt's end; it records what came
-- of it only while `attempt` still is its own. To have a mail sent again: status 'pending', attempt 0, next_attempt_at
-- now().
create table task_notification (
    id uuid primary key default gen_random_uuid(),
    task_id uuid not null references approval_task (id) on delete cascade,
    reminder_of timestamptz,
    -- The task's deadline when the row was made.
    due_at timestamptz,
    status text not null default 'pending' check (status in ('pending', 'sent', 'dropped', 'failed')),
    attempt integer not null default 0 check (attempt >= 0),
    next_attempt_at timestamptz not null default now(),
    -- Why it was dropped or has failed, or why the last attempt did.
    reason text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint task_notification_once unique nulls not distinct (task_id, reminder_of)
) with (fillfactor = 85);

create index task_notification_due on task_notification (next_attempt_at) where status = 'pending';

-- Since when people are told: the first start of a notifier. Whoever got a task before that is not told of it later.
create table notifier_start (
    only_row boolean primary key default true check (only_row),
    since timestamptz not null default now()
);
