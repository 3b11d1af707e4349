-- Whose fault a failed attempt was, and what the answer's head said (redacted before it comes here).
alter table webhook_attempt
    add column failed_by text check (failed_by in ('receiver', 'us')),
    add column response_headers jsonb;
