-- Who claimed a task: its assignee, or an administrator for them. Null for what was claimed before.
alter table approval_task add column claimed_by text;
