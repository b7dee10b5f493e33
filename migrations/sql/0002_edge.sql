-- Idempotency keys of POST requests and the answers they got (owned by crate edge).
create table idempotency_keys (
    id           bytea       primary key, -- SHA-256 of caller, method, path and key: no address or key in clear
    fingerprint  bytea       not null,    -- SHA-256 of query and body
    owner        uuid        not null,    -- the request that holds the key; fences one that was taken over
    locked_until timestamptz,             -- null once it is answered
    status       smallint,                -- null while it is in flight
    headers      jsonb,
    body         bytea,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    constraint idempotency_keys_answered check (
        (status is null and locked_until is not null and headers is null and body is null)
        or (status is not null and locked_until is null and headers is not null and body is not null))
);

create index idempotency_keys_expiry on idempotency_keys (expires_at);
