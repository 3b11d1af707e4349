-- What people are shown of the artifact, as the caller wrote it. Whoever decides has read it, so it is frozen.
alter table approval_request
    add column title text,
    add column summary text,
    add column artifact_url text;

drop trigger approval_request_frozen on approval_request;
create trigger approval_request_frozen before update of id, policy_id, policy_key, policy_version, artifact_type,
        artifact_id, title, summary, artifact_url, source_service, requester, context, callback_url, callback_secret_id,
        callback_events, created_at
    on approval_request for each row
    when ((old.id, old.policy_id, old.policy_key, old.policy_version, old.artifact_type, old.artifact_id,
           old.title, old.summary, old.artifact_url, old.source_service, old.requester, old.context, old.callback_url,
           old.callback_secret_id, old.callback_events, old.created_at)
        is distinct from
          (new.id, new.policy_id, new.policy_key, new.policy_version, new.artifact_type, new.artifact_id,
           new.title, new.summary, new.artifact_url, new.source_service, new.requester, new.context, new.callback_url,
           new.callback_secret_id, new.callback_events, new.created_at))
    execute function refuse_changing_what_is_frozen(
        'policy, artifact, title, summary, source_service, requester, context, callback, created_at');
