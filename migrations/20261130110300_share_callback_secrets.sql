-- OAuth clients whose tokens (by `azp`) may name this secret for their requests, besides its owner; '*' = any token.
alter table callback_secret add column clients text[] not null default '{}';
