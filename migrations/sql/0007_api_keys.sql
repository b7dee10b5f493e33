-- API keys: how services authenticate (owned by crate accounts).

create table api_keys (
    id             uuid primary key,
    owner_id       uuid not null references users,
    name           text not null constraint api_keys_name_length check (char_length(name) between 1 and 100),
    scopes         text[] not null,
    secret_hash    bytea not null,
    previous_hash  bytea,
    previous_until timestamptz,
    expires_at     timestamptz,
    last_used_at   timestamptz,
    rotated_at     timestamptz,
    revoked_at     timestamptz,
    version        bigint not null default 1,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    constraint api_keys_grace check ((previous_hash is null) = (previous_until is null))
);

comment on column api_keys.scopes is 'permissions; what counts at each use are those that the owner holds then';
comment on column api_keys.secret_hash is 'SHA-256 of the 256 random bits in the key';
comment on column api_keys.previous_hash is 'of the secret before the last rotation, good until previous_until';
comment on column api_keys.last_used_at is 'to the minute';

-- A create that is sent again is refused, and does not leave a second key that nobody has seen.
create unique index api_keys_name on api_keys (owner_id, lower(name)) where revoked_at is null;

insert into role_permissions (role, permission) values ('system_admin', 'api_key.admin');
