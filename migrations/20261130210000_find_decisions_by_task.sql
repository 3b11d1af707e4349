-- A task has one decision at most, so the task is its key. Those of a request are found through its tasks.
alter table approval_decision drop constraint approval_decision_pkey;
alter table approval_decision drop constraint approval_decision_one_per_task;
alter table approval_decision add constraint approval_decision_one_per_task primary key (task_id);
drop index approval_decision_request;
