select r.policy_id, to_jsonb(r) as request,
    (select coalesce(jsonb_agg(to_jsonb(t) order by t.created_at, t.ordinal, t.id), '[]')
        from approval_task t where t.request_id = r.id) as tasks,
    (select coalesce(jsonb_agg(to_jsonb(d) order by d.created_at, d.id), '[]')
        from approval_task t join approval_decision d on d.task_id = t.id where t.request_id = r.id) as decisions,
    (select coalesce(jsonb_agg(to_jsonb(e) order by e.sequence), '[]')
        from approval_event e where e.request_id = r.id) as events,
    (select coalesce(jsonb_agg(to_jsonb(w) - array['lease_token', 'leased_until'] || jsonb_build_object('attempts',
            (select coalesce(jsonb_agg(to_jsonb(a) order by a.started_at, a.attempt, a.id), '[]')
                from webhook_attempt a where a.delivery_id = w.id)) order by w.sequence), '[]')
        from webhook_delivery w where w.request_id = r.id) as deliveries
from approval_request r where r.id = $1
