select
    (select count(*) from approval_request r where r.status = 'in_review' and r.resolve_after is null
        and not exists (select from approval_task t where t.request_id = r.id and t.kind = 'approver'
            and t.status in ('open', 'claimed', 'expired') and t.decision_id is null)) as "in_review_stuck!",
    (select count(*) from approval_request r where r.status = 'pending' and r.resolve_after is null)
        as "pending_stuck!",
    (select count(*) from approval_task t join approval_request r on r.id = t.request_id
        where t.status in ('open', 'claimed') and r.completed_at is not null) as "terminal_open!",
    (select count(*) from approval_request r where r.completed_at is null and r.last_sequence is distinct from
        (select max(e.sequence) from approval_event e where e.request_id = r.id)) as "sequence_wrong!",
    (select count(*) from wrong_open_work) as "open_work_wrong!",
    (select count(*) from (select request_id from approval_event order by position desc limit 100000) e
        where not exists (select from approval_request r where r.id = e.request_id)) as "orphaned!",
    (select count(*) from approval_request r where r.resolve_after < now() - interval '1 minute')
        as "resolution_late!",
    (select count(*) from open_task t where t.due_at < now() - interval '1 minute' and t.status <> 'expired')
        + (select count(*) from open_request r where r.expires_at < now() - interval '1 minute') as "deadline_late!",
    (select count(*) from outbox_refused) as "refused!",
    (select count(*) from unpublished_event e where e.created_at < now() - interval '1 minute')
        as "unpublished_late!",
    (select count(*) from webhook_delivery d where d.status = 'pending'
        and d.next_attempt_at < now() - interval '1 minute'
        and (d.leased_until is null or d.leased_until < now())) as "delivery_late!",
    (select count(*) from webhook_delivery d where d.status = 'exhausted') as "exhausted!"
