-- An event is found by its request and sequence, or by its position; nobody looks for its id, so no index needs to hold
-- it. What one statement writes together is right by construction, so the request of an event or of a decision need
-- not be looked up (and its row locked) once more for each: the guards let nothing else write, and `awe doctor` checks.
alter table webhook_delivery drop constraint webhook_delivery_event_id_fkey;
alter table webhook_delivery add constraint webhook_delivery_event
    foreign key (request_id, sequence) references approval_event (request_id, sequence) not valid;
alter table approval_event drop constraint approval_event_pkey;
alter table approval_event drop constraint approval_event_request_id_fkey;
alter table approval_decision drop constraint approval_decision_request_id_fkey;
