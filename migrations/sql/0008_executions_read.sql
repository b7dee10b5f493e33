-- Reading executions: history by schedule, by chain and by time of ending, and statistics.
--
-- An execution is written three times within seconds (enqueued, claimed, finished), and every index that knows it before its
-- end is paid for three times. So these know ended executions only: they are paid for once. What waits or runs is found by
-- the small indexes that the engine has anyway.

-- What ended lately, and the statistics of a window of time: all that they need, so that the rows themselves are not read.
create index executions_ended on executions (finished_at) include (state, duration_ms, started_at, run_at)
    where finished_at is not null;
-- The history of a schedule, newest first, and its statistics.
create index executions_ended_by_schedule on executions (schedule_id, id) include (finished_at, state, duration_ms, started_at, run_at)
    where schedule_id is not null and finished_at is not null;
-- Chains. An execution that belongs to none has its own id as its correlation id, and is found by that.
create index executions_ended_by_chain on executions (correlation_id, id)
    where finished_at is not null and correlation_id <> id::text;
-- What did not run to its end, beside the failed ones, which have an index of their own.
create index executions_set_aside on executions (state, id) where state in ('cancelled', 'skipped', 'missed');

-- How many different values the lateness has: without it the planner believes that all differ, and does not aggregate in parallel.
create statistics executions_lateness on ((date_part('epoch', started_at - run_at) * 1000000)::bigint / 1000) from executions;
