-- Accounts: who people are, what they may do, their sessions, one-time codes, plans, usage and trials.

create table roles (
    name text primary key
);
insert into roles (name) values ('reader'), ('operator'), ('hr_admin'), ('system_admin');

-- What is not in here is denied.
create table role_permissions (
    role       text not null references roles,
    permission text not null,
    primary key (role, permission)
);
insert into role_permissions (role, permission)
values ('hr_admin', 'scheduled_job.read'),
       -- operators read everything and change nothing
       ('operator', 'audit.read'),
       ('operator', 'execution.read'),
       ('operator', 'health.read'),
       ('operator', 'schedule.read'),
       ('operator', 'scheduled_job.read'),
       ('operator', 'task.read_any'),
       ('system_admin', 'audit.read'),
       ('system_admin', 'execution.read'),
       ('system_admin', 'execution.write'),
       ('system_admin', 'health.read'),
       ('system_admin', 'schedule.admin'),
       ('system_admin', 'schedule.read'),
       ('system_admin', 'schedule.write'),
       ('system_admin', 'scheduled_job.execute'),
       ('system_admin', 'scheduled_job.read'),
       ('system_admin', 'task.read_any'),
       ('system_admin', 'trial.grant'),
       ('system_admin', 'user.admin');

create table users (
    id                uuid primary key,
    email             text not null,
    password_hash     text not null,
    role              text not null default 'reader' references roles,
    timezone          text not null default 'UTC',
    email_verified_at timestamptz,
    plan              text not null default 'free'
        constraint users_plan check (plan in ('free', 'basic', 'premium', 'scholar')),
    trial_ends_at     timestamptz,
    period_anchor     timestamptz not null,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    deleted_at        timestamptz,
    constraint users_trial_is_of_a_paid_plan check (trial_ends_at is null or plan <> 'free')
);

comment on column users.email is 'trimmed and lower-case; replaced by a placeholder when the account is deleted';
comment on column users.password_hash is 'empty when no password opens the account: it is deleted, or was registered with different ones before its address was confirmed';
comment on column users.trial_ends_at is 'set while the plan is a trial; from then on the plan counts as free, whether or not a job has seen it';
comment on column users.period_anchor is 'usage periods of 30 days are counted from here';

create unique index users_email on users (lower(email)) where deleted_at is null;
create index users_trial_end on users (trial_ends_at) where trial_ends_at is not null;
create index users_free on users (id) where plan = 'free' and role = 'reader' and deleted_at is null and email_verified_at is not null;

create index users_unconfirmed on users (created_at) where email_verified_at is null and deleted_at is null;

-- A session is a family of refresh tokens: one login.
create table sessions (
    id           uuid primary key,
    user_id      uuid not null references users,
    created_at   timestamptz not null,
    refreshed_at timestamptz not null,
    revoked_at   timestamptz,
    revoked_for  text constraint sessions_revoked_for
        check (revoked_for in ('logout', 'token_reuse', 'password_change', 'account_deletion')),
    constraint sessions_revocation check ((revoked_at is null) = (revoked_for is null))
);
create index sessions_live on sessions (user_id) where revoked_at is null;

-- Rotated tokens stay until they expire: using one again reveals a theft.
create table refresh_tokens (
    token_hash bytea primary key,
    session_id uuid not null references sessions on delete cascade,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    rotated_at timestamptz
);
create index refresh_tokens_session on refresh_tokens (session_id, expires_at);

create table one_time_codes (
    id         uuid primary key,
    user_id    uuid not null references users,
    purpose    text not null constraint one_time_codes_purpose check (purpose in ('verify', 'reset')),
    code_hmac  bytea not null,
    attempts   smallint not null default 0 constraint one_time_codes_attempts check (attempts between 0 and 5),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz,
    voided_at  timestamptz
);

comment on column one_time_codes.id is 'random: the code is derived from it and the secret key, and is stored nowhere';

-- A new code voids the old one.
create unique index one_time_codes_live on one_time_codes (user_id, purpose) where used_at is null and voided_at is null;
create index one_time_codes_recent on one_time_codes (user_id, purpose, created_at);
create index one_time_codes_expiry on one_time_codes (expires_at);
create index one_time_codes_used on one_time_codes (used_at) where used_at is not null;

-- A period without a row has no use yet: it rolls over by itself.
create table usage_counters (
    user_id      uuid not null references users,
    feature      text not null constraint usage_counters_feature
        check (feature in ('summaries', 'notes', 'reminders', 'smart_searches')),
    period_start timestamptz not null,
    used         integer not null constraint usage_counters_used check (used >= 0),
    primary key (user_id, feature, period_start)
);
create index usage_counters_period on usage_counters (period_start);

-- The primary key is what makes a trial happen once ever per reader.
create table trials (
    user_id      uuid primary key references users,
    requested_at timestamptz not null,
    granted_at   timestamptz,
    ends_at      timestamptz,
    execution_id uuid,
    address_tag  bytea,
    constraint trials_granted check ((granted_at is null) = (ends_at is null))
);

comment on column trials.execution_id is 'the execution that granted it, or that will';

comment on column trials.address_tag is 'HMAC of the address of a deleted account that had its trial; the next account for the address has had it too';

create index trials_execution on trials (execution_id);
create index trials_address on trials (address_tag) where address_tag is not null;
