-- The scheduler service: schedules by API, calendars, templates, dependencies, and what becomes of their executions.

create table calendars (
    id          uuid primary key,
    name        text not null,
    description text not null default '',
    rules       jsonb not null,
    version     bigint not null default 1,
    created_by  text not null,
    updated_by  text not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    deleted_at  timestamptz
);
create unique index calendars_name on calendars (name) where deleted_at is null;

create table schedule_templates (
    id          uuid primary key,
    name        text not null,
    description text not null default '',
    parameters  jsonb not null default '[]',
    schedule    jsonb not null,
    version     bigint not null default 1,
    created_by  text not null,
    updated_by  text not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    deleted_at  timestamptz
);
create unique index schedule_templates_name on schedule_templates (name) where deleted_at is null;

-- Which commands schedules may send, beside those that the configuration names.
create table command_patterns (
    pattern    text primary key,
    created_by text not null,
    created_at timestamptz not null
);

alter table schedules
    add column schedule_type text not null default 'cron'
        constraint schedules_type check (schedule_type in ('cron', 'interval', 'one_time', 'immediate', 'dependent')),
    add column given jsonb not null default '{}',
    add column tags text[] not null default '{}',
    add column created_by text not null default 'code',
    add column created_by_label text,
    add column updated_by text not null default 'code',
    add column owner_id uuid,
    add column max_runs integer constraint schedules_max_runs check (max_runs >= 1),
    add column run_count bigint not null default 0,
    add column jitter_seconds integer not null default 0 constraint schedules_jitter check (jitter_seconds between 0 and 86400),
    add column max_attempts integer constraint schedules_attempts check (max_attempts between 1 and 1000),
    add column retry_delay_seconds integer constraint schedules_retry_delay check (retry_delay_seconds between 1 and 86400),
    add column timeout_seconds integer constraint schedules_timeout check (timeout_seconds between 1 and 86400),
    add column pause_on_failure boolean not null default false,
    add column templated boolean not null default false,
    add column join_mode text not null default 'all' constraint schedules_join check (join_mode in ('all', 'any')),
    add column calendar_id uuid constraint schedules_calendar references calendars (id),
    add column exclude_calendar_id uuid constraint schedules_exclude_calendar references calendars (id),
    add column secret_generation integer not null default 1,
    add column previous_secret_until timestamptz,
    add column due_from timestamptz,
    add column since timestamptz,
    add column deleted_at timestamptz;

update schedules set since = created_at;
alter table schedules alter column since set not null;
-- Until the release that writes it is the only one that runs.
alter table schedules alter column since set default now();

comment on column schedules.given is 'the timing, target and payload as they were given, for showing and changing them';
comment on column schedules.since is 'from when (exclusive) the present timing and state count; what counted before is in schedule_spans';
comment on column schedules.due_from is 'due times from this one on wait for an earlier run to end; next_run_at is when to look again';
comment on column schedules.run_count is 'executions made for due times so far; max_runs ends with it';
comment on column schedules.templated is 'its arguments hold placeholders that are filled in for each execution';
comment on column schedules.owner_id is 'the account behind created_by';

create unique index schedules_name on schedules (created_by, name) where origin = 'api' and deleted_at is null;
create index schedules_tags on schedules using gin (tags) where deleted_at is null;
create index schedules_status on schedules (schedule_type, state) where deleted_at is null;
create index schedules_listed on schedules (created_at, id) where deleted_at is null;
create index schedules_calendars on schedules (calendar_id) where calendar_id is not null;
create index schedules_exclude_calendars on schedules (exclude_calendar_id) where exclude_calendar_id is not null;

-- What counted for a schedule before it was changed: due times of (from_at, to_at] are those of this timing in this state.
create table schedule_spans (
    schedule_id uuid not null constraint schedule_spans_schedule references schedules (id) on delete cascade,
    from_at     timestamptz not null,
    to_at       timestamptz not null,
    state       text not null,
    reason      text,
    timing      jsonb not null
);
create index schedule_spans_schedule on schedule_spans (schedule_id, to_at);

create table schedule_counters (
    schedule_id          uuid primary key constraint schedule_counters_schedule references schedules (id) on delete cascade,
    runs                 bigint not null default 0,
    succeeded            bigint not null default 0,
    failed               bigint not null default 0,
    cancelled            bigint not null default 0,
    missed               bigint not null default 0,
    skipped              bigint not null default 0,
    last_run_at          timestamptz,
    last_success_at      timestamptz,
    last_failure_at      timestamptz,
    last_execution_id    uuid
) with (fillfactor = 70);

create table schedule_dependencies (
    schedule_id uuid not null constraint schedule_dependencies_schedule references schedules (id) on delete cascade,
    after_id    uuid not null constraint schedule_dependencies_after references schedules (id) on delete cascade,
    condition   text not null constraint schedule_dependencies_condition check (condition in ('success', 'failure', 'completion')),
    primary key (schedule_id, after_id)
);
create index schedule_dependencies_after on schedule_dependencies (after_id);

-- Which of the schedules that one runs after have ended in a round. Gone when the round is decided.
create table schedule_rounds (
    schedule_id uuid not null constraint schedule_rounds_schedule references schedules (id) on delete cascade,
    round       text not null,
    after_id    uuid not null,
    satisfied   boolean not null,
    detail      text not null,
    at          timestamptz not null,
    primary key (schedule_id, round, after_id)
);
create index schedule_rounds_age on schedule_rounds (at);

alter table executions
    add column covers_to timestamptz,
    add column round text,
    add column retry_delay_seconds integer,
    add column timeout_seconds integer;

create index executions_covering on executions (schedule_id, covers_to) where covers_to is not null;

comment on column executions.covers_to is 'it stands for every due time from scheduled_for up to this one that has no row of its own';
comment on column executions.round is 'of a chained execution: the round of the one that began the chain';

-- Ends of scheduled executions, written in the transaction that ends them, whichever statement does: an outbox from which
-- counters, chains and pauses follow exactly once.
create table schedule_events (
    id             bigint generated always as identity primary key,
    schedule_id    uuid not null,
    execution_id   uuid not null,
    state          text not null,
    scheduled_for  timestamptz,
    run_at         timestamptz not null,
    started_at     timestamptz,
    duration_ms    bigint,
    due_times      bigint not null,
    correlation_id text not null,
    round          text not null,
    trigger        text not null,
    at             timestamptz not null
);

create function schedule_execution_ended() returns trigger language plpgsql as $$
begin
    insert into schedule_events (schedule_id, execution_id, state, scheduled_for, run_at, started_at, duration_ms, due_times,
                                 correlation_id, round, trigger, at)
    values (new.schedule_id, new.id, new.state, new.scheduled_for, new.run_at, new.started_at, new.duration_ms,
            case when new.state in ('missed', 'skipped') then coalesce((new.result ->> 'count')::bigint, 1) else 1 end,
            new.correlation_id,
            coalesce(new.round, to_char(new.scheduled_for at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), new.id::text),
            new.trigger, coalesce(new.finished_at, new.created_at));
    return null;
end
$$;

create trigger executions_ended after update of state on executions for each row
    when (new.schedule_id is not null and new.state in ('succeeded', 'failed', 'cancelled') and old.state is distinct from new.state)
    execute function schedule_execution_ended();

create trigger executions_left_out after insert on executions for each row
    when (new.schedule_id is not null and new.state in ('skipped', 'missed'))
    execute function schedule_execution_ended();
