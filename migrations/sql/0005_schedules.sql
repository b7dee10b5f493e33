-- Schedules: what is due when. Each due time leaves exactly one row in executions: run, skipped or missed.

create table schedules (
    id                    uuid primary key,
    name                  text not null,
    description           text not null default '',
    origin                text not null check (origin in ('code', 'api')),
    kind                  text not null,
    args                  jsonb not null,
    timing                jsonb not null,
    priority              smallint not null default 5 check (priority between 1 and 10),
    catch_up              text not null default 'latest' check (catch_up in ('latest', 'all', 'none')),
    overlap               text not null default 'skip' check (overlap in ('skip', 'queue_one', 'allow', 'cancel_running')),
    max_instances         integer not null default 3 check (max_instances between 1 and 1000),
    misfire_grace_seconds integer check (misfire_grace_seconds >= 0),
    state                 text not null default 'active' check (state in ('active', 'paused', 'completed', 'failed', 'disabled')),
    state_reason          text,
    next_run_at           timestamptz,
    last_due_at           timestamptz,
    version               bigint not null default 1,
    created_at            timestamptz not null,
    updated_at            timestamptz not null
);

comment on column schedules.misfire_grace_seconds is 'later than this an occurrence is missed; null: never too late';
comment on column schedules.next_run_at is 'the next due time, not yet turned into an execution';

create unique index schedules_code_name on schedules (name) where origin = 'code';
-- The tick reads what is due, however many schedules exist.
create index schedules_due on schedules (next_run_at) where state = 'active' and next_run_at is not null;

alter table executions add constraint executions_schedule foreign key (schedule_id) references schedules (id);
-- What of a schedule waits or runs, for the overlap rule.
create index executions_active_by_schedule on executions (schedule_id) where schedule_id is not null and state in ('queued', 'running');
