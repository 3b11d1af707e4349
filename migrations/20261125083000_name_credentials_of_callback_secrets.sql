-- With which credential of the configuration (`credentials.<name>`) the webhooks of this caller are sent; only its name.
alter table callback_secret
    add column credential text check (credential <> '');
