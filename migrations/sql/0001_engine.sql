-- The engine: executions are queue, outbox and history at once; processes says who is alive.

create table executions (
    id                  uuid primary key,
    kind                text not null,
    queue               text not null,
    schedule_id         uuid,
    scheduled_for       timestamptz,
    args                jsonb not null,
    state               text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped', 'missed')),
    priority            smallint not null default 5 check (priority between 1 and 10),
    attempt             integer not null default 0,
    max_attempts        integer not null,
    run_at              timestamptz not null,
    dispatched_at       timestamptz,
    lease_id            uuid,
    lease_until         timestamptz,
    worker              uuid,
    started_at          timestamptz,
    finished_at         timestamptz,
    duration_ms         bigint,
    progress            smallint check (progress between 0 and 100),
    result              jsonb,
    message             text,
    errors              jsonb not null default '[]',
    unique_key          text,
    trigger             text not null check (trigger in ('api', 'schedule', 'manual', 'retry', 'backfill', 'chain')),
    triggered_by        text,
    correlation_id      text not null,
    traceparent         text,
    cancel_requested_at timestamptz,
    created_at          timestamptz not null
) with (
    -- Every row is updated twice within seconds: leave room, and vacuum by rows rather than by share of a large table.
    fillfactor = 85,
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0
);

comment on column executions.lease_id is 'fences the attempt: only the holder of this lease may finish it';
comment on column executions.dispatched_at is 'when its ticket is due in Redis; null: the relay has to push one';

-- An occurrence cannot be enqueued twice.
create unique index executions_occurrence on executions (schedule_id, scheduled_for) where schedule_id is not null;
-- A unique job is waiting or running at most once.
create unique index executions_unique on executions (kind, unique_key) where state in ('queued', 'running') and unique_key is not null;
-- Only what is hot is indexed by state.
create index executions_undispatched on executions (run_at) where state = 'queued' and dispatched_at is null;
create index executions_dispatched on executions (dispatched_at) where state = 'queued' and dispatched_at is not null;
create index executions_running on executions (lease_until) where state = 'running';
create index executions_failed on executions (id) where state = 'failed';

-- The classic columns, for people with psql.
create view job_executions as
select id                                            as execution_id,
       kind                                          as job_id,
       started_at,
       finished_at,
       duration_ms / 1000.0                          as duration_seconds,
       case state when 'succeeded' then true
                  when 'failed' then false end       as success,
       coalesce(message, errors -> -1 ->> 'error')   as message,
       errors -> -1 ->> 'trace'                      as error_trace,
       result                                        as result_data
from executions;

create table processes (
    id            uuid primary key,
    role          text not null,
    version       text not null,
    started_at    timestamptz not null,
    heartbeat_at  timestamptz not null,
    clock_skew_ms bigint not null default 0,
    ended_at      timestamptz,
    ended_how     text check (ended_how in ('stopped', 'died'))
);
create index processes_alive on processes (heartbeat_at) where ended_at is null;

-- Effects of the drill job: one row per effect, and deliberately no unique constraint, so that a second one would show.
create table drill_effects (
    execution_id uuid not null,
    attempt      integer not null,
    at           timestamptz not null
);
create index drill_effects_execution on drill_effects (execution_id);
