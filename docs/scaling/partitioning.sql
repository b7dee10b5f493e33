-- Partitions `executions` by time. Optional, and not one of the migrations: docs/scaling.md says when it pays, and how to run it.
--
--     psql --single-transaction --set ON_ERROR_STOP=1 --file docs/scaling/partitioning.sql "$DATABASE_URL"
--
-- Ids are UUIDv7, made from the time of creation: ranges of ids are ranges of time, and the primary key stays what it is. What
-- exists becomes the first partition, without being copied. Two unique indexes do not contain the id, so no partitioned table can
-- have them; a small table each takes their place, kept by triggers that do what the indexes did:
--   execution_unique_keys   a unique job waits or runs at most once (the constraint keeps its name, executions_unique)
--   execution_occurrences   a due time of a schedule is enqueued at most once
-- Every statement of the code stays as it is. The retention job calls roll_executions(): it makes the partitions to come, and
-- drops one whose executions are all older than EXECUTION_RETENTION_DAYS.

set local lock_timeout = '10s';

-- The lowest id that can have been made at `at`.
create function execution_id_floor(at timestamptz) returns uuid language sql immutable strict as $$
    select (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- How new partitions are made: `every` day, week or month, so long before they are needed. May be changed at any time.
create table execution_partitioning (
    every text not null constraint execution_partitioning_every check (every in ('day', 'week', 'month')),
    ahead interval not null constraint execution_partitioning_ahead check (ahead >= interval '14 days')
);
insert into execution_partitioning values ('month', interval '3 months');

create table execution_partitions (
    name    text primary key,
    from_at timestamptz not null,
    to_at   timestamptz not null constraint execution_partitions_to_at unique
);

create table execution_unique_keys (
    kind         text not null,
    unique_key   text not null,
    execution_id uuid not null
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

create table execution_occurrences (
    schedule_id   uuid not null,
    scheduled_for timestamptz not null,
    execution_id  uuid not null,
    constraint execution_occurrences_pkey primary key (schedule_id, scheduled_for)
);

-- From here on, nobody reads or writes executions until the end.
lock table executions in access exclusive mode;

create temporary table remade (step int, kind text, name text, of_table text, definition text) on commit drop;

insert into remade
select 1, 'index', c.relname, null, pg_get_indexdef(i.indexrelid)
from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = 'executions'::regclass and not i.indisprimary
union all
select 2, 'trigger', tgname, null, pg_get_triggerdef(oid) from pg_trigger where tgrelid = 'executions'::regclass and not tgisinternal
union all
select 3, 'statistics', stxname, null, pg_get_statisticsobjdef(oid) from pg_statistic_ext where stxrelid = 'executions'::regclass
union all
select 4, 'view', c.relname, null, pg_get_viewdef(c.oid)
from pg_class c
where c.relkind = 'v' and c.oid in (select r.ev_class from pg_depend d join pg_rewrite r on r.oid = d.objid
                                    where d.classid = 'pg_rewrite'::regclass and d.refobjid = 'executions'::regclass)
union all
select 5, 'reference', conname, conrelid::regclass::text, pg_get_constraintdef(oid)
from pg_constraint where contype = 'f' and confrelid = 'executions'::regclass
union all
select 6, 'refers', conname, null, pg_get_constraintdef(oid)
from pg_constraint where contype = 'f' and conrelid = 'executions'::regclass;

alter table executions rename to executions_before;
alter index executions_pkey rename to executions_before_pkey;

do $$
declare
    it record;
begin
    for it in select * from remade order by step loop
        case it.kind
        when 'index' then
            -- What was unique is unique elsewhere now; its name is for reading.
            if it.definition like 'CREATE UNIQUE %' then
                execute format('drop index %I', it.name);
            else
                execute format('alter index %I rename to %I', it.name, replace(it.name, 'executions_', 'executions_before_'));
            end if;
        when 'trigger' then execute format('drop trigger %I on executions_before', it.name);
        when 'statistics' then
            execute format('alter statistics %I rename to %I', it.name, replace(it.name, 'executions_', 'executions_before_'));
        when 'reference' then execute format('alter table %s drop constraint %I', it.of_table, it.name);
        else null;
        end case;
    end loop;
end
$$;

create table executions (
    like executions_before including comments including constraints including defaults including generated including storage,
    primary key (id)
) partition by range (id);

do $$
declare
    it record;
    until timestamptz := date_trunc('month', now() at time zone 'UTC' + interval '1 month') at time zone 'UTC';
begin
    for it in select * from remade where kind = 'index' loop
        execute replace(replace(it.definition, 'CREATE UNIQUE INDEX ' || it.name || ' ', 'CREATE INDEX ' || it.name || '_read '),
                        ' ON public.executions_before ', ' ON public.executions ');
    end loop;
    for it in select * from remade where kind = 'refers' loop
        execute format('alter table executions add constraint %I %s', it.name, it.definition);
    end loop;
    execute format('alter table executions attach partition executions_before for values from (minvalue) to (%L)',
                   execution_id_floor(until));
    insert into execution_partitions values ('executions_before', '-infinity', until);
    for it in select * from remade where kind in ('trigger', 'statistics') loop
        execute it.definition;
    end loop;
    for it in select * from remade where kind = 'view' loop
        execute format('create or replace view %I as %s', it.name, it.definition);
    end loop;
    for it in select * from remade where kind = 'reference' loop
        execute format('alter table %s add constraint %I %s', it.of_table, it.name, it.definition);
    end loop;
end
$$;

insert into execution_unique_keys
select kind, unique_key, id from executions where state in ('queued', 'running') and unique_key is not null;
alter table execution_unique_keys add constraint executions_unique primary key (kind, unique_key);

insert into execution_occurrences
select schedule_id, scheduled_for, id from executions where schedule_id is not null and scheduled_for is not null;
-- By which those of a partition that is dropped are found.
create index execution_occurrences_execution on execution_occurrences (execution_id);

-- As `on conflict do nothing`, which every insert says, did with the indexes: what is there already is left out.
create function execution_is_new() returns trigger language plpgsql as $$
begin
    if new.unique_key is not null and new.state in ('queued', 'running') then
        insert into execution_unique_keys values (new.kind, new.unique_key, new.id) on conflict do nothing;
        if not found then
            return null;
        end if;
    end if;
    if new.schedule_id is not null and new.scheduled_for is not null then
        insert into execution_occurrences values (new.schedule_id, new.scheduled_for, new.id) on conflict do nothing;
        if not found then
            delete from execution_unique_keys where kind = new.kind and unique_key = new.unique_key and execution_id = new.id;
            return null;
        end if;
    end if;
    return new;
end
$$;
create trigger executions_new before insert on executions for each row
    when (new.unique_key is not null or (new.schedule_id is not null and new.scheduled_for is not null))
    execute function execution_is_new();

-- It ends, and its key is free; it is queued again (a retry by hand), and takes it or fails with executions_unique.
create function execution_key_changes() returns trigger language plpgsql as $$
begin
    if new.state in ('queued', 'running') then
        insert into execution_unique_keys values (new.kind, new.unique_key, new.id);
    else
        delete from execution_unique_keys where kind = new.kind and unique_key = new.unique_key and execution_id = new.id;
    end if;
    return null;
end
$$;
create trigger executions_key after update of state on executions for each row
    when (new.unique_key is not null and (old.state in ('queued', 'running')) <> (new.state in ('queued', 'running')))
    execute function execution_key_changes();

create function execution_is_gone() returns trigger language plpgsql as $$
begin
    delete from execution_unique_keys where kind = old.kind and unique_key = old.unique_key and execution_id = old.id;
    delete from execution_occurrences
    where schedule_id = old.schedule_id and scheduled_for = old.scheduled_for and execution_id = old.id;
    return null;
end
$$;
create trigger executions_gone after delete on executions for each row
    when (old.unique_key is not null or old.schedule_id is not null) execute function execution_is_gone();

-- Makes the partitions to come, then drops the oldest whose executions all ended before `keep_from`; `at` is the time now. Returns
-- how many it dropped: call it again until that is none. One that something refers to, or that is in use, is left for another time.
create function roll_executions(keep_from timestamptz, at timestamptz) returns integer language plpgsql as $$
declare
    plan execution_partitioning;
    begin_at timestamptz;
    end_at timestamptz;
    title text;
    part record;
    needed boolean;
begin
    perform pg_advisory_xact_lock(hashtext('executions.partitions')), set_config('lock_timeout', '2s', true);
    select * into plan from execution_partitioning;
    loop
        select max(to_at) into begin_at from execution_partitions;
        exit when begin_at > at + plan.ahead;
        end_at := date_trunc(plan.every, begin_at at time zone 'UTC' + ('1 ' || plan.every)::interval) at time zone 'UTC';
        title := 'executions_' || to_char(begin_at at time zone 'UTC', 'YYYYMMDD');
        -- With the storage settings of the one before. Made first and attached then: that waits for writers of schedules, but not of executions.
        execute format('create table %I (like executions including all) with (%s)', title,
                       (select array_to_string(c.reloptions, ', ')
                        from execution_partitions p join pg_class c on c.oid = to_regclass(p.name) where p.to_at = begin_at));
        execute format('alter table executions attach partition %I for values from (%L) to (%L)', title,
                       execution_id_floor(begin_at), execution_id_floor(end_at));
        insert into execution_partitions values (title, begin_at, end_at);
    end loop;
    for part in select * from execution_partitions where to_at <= least(keep_from, at) order by to_at loop
        begin
            execute format('lock table %I in exclusive mode', part.name);
            execute format('select exists (select from %1$I where state = ''queued'') or exists (select from %1$I where state = ''running'')
                                or exists (select from %1$I where finished_at >= $1)', part.name) into needed using keep_from;
            continue when needed;
            delete from execution_occurrences
            where execution_id >= execution_id_floor(greatest(part.from_at, 'epoch')) and execution_id < execution_id_floor(part.to_at);
            execute format('alter table executions detach partition %I', part.name);
            execute format('drop table %I', part.name);
            delete from execution_partitions where name = part.name;
            return 1;
        exception when foreign_key_violation or lock_not_available then
            raise notice 'partition % is in use', part.name;
        end;
    end loop;
    return 0;
end
$$;

select roll_executions('-infinity', now());
analyze executions;
