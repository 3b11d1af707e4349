-- Hand-off tokens that were used: the primary key is what makes them usable once.
create table handoff_nonces (
    nonce varchar(64) primary key,
    expires_at timestamptz not null,
    consumed_at timestamptz not null
);
create index handoff_nonces_by_expiry on handoff_nonces (expires_at);
