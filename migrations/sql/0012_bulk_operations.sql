-- How far a bulk operation by filter is: written with each batch, so that the next attempt goes on behind it. Gone when it is
-- over: then its execution has the result.

create table schedule_bulk_operations (
    execution_id uuid primary key constraint schedule_bulk_operations_execution references executions (id) on delete cascade,
    matched      bigint not null,
    after_id     uuid not null,
    succeeded    bigint not null default 0,
    failed       bigint not null default 0,
    failures     jsonb not null default '[]'
);

comment on column schedule_bulk_operations.after_id is 'the last schedule that was dealt with, in the order of their ids';
comment on column schedule_bulk_operations.failures is 'the first hundred: {schedule_id, error}';
