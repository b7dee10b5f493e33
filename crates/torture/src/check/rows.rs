//! What must hold between executions, their effects, what the witness saw and what producers were told.

use store::Db;

use super::{Promise, Violation, broken};

/// The promises that are broken.
pub async fn rows(db: &Db) -> Vec<Violation> {
    broken(db, &PROMISES).await
}

const PROMISES: [Promise; 21] = [
    ("every committed job comes to an end", OPEN),
    ("no lease is left", LEASED),
    ("what ended well has its effect", WITHOUT_EFFECT),
    ("an effect exists once", TWICE),
    ("what did not end well has no effect", IN_SPITE),
    ("an effect is committed together with its completion", APART),
    ("no attempt completes over its successor", OVERTAKEN),
    ("what has ended stays as it is", REVIVED),
    ("an execution goes from queued to running and from there on", ASTRAY),
    ("nothing starts before its time", EARLY),
    ("only what asked for it fails", FAILED),
    ("a job fails when its attempts are used up, and not before", ATTEMPTS),
    ("only what its schedule gave up is cancelled", CANCELLED),
    ("what catches up on everything misses nothing", MISSED),
    ("no more runs of a schedule than may overlap", TOO_MANY),
    ("what was committed exists", LOST),
    ("what was not wanted does not exist", UNWANTED),
    ("a job is not wanted only while one of its key waits or runs", UNREFUSED),
    ("one request makes one job", DOUBLED),
    ("what is asked again with its key is answered", UNANSWERED),
    ("each claim is one attempt", UNCOUNTED),
];

/// An execution with all that is known of it.
macro_rules! whole {
    ($from:literal) => {
        concat!(
            "select to_jsonb(e) || jsonb_build_object(
                 'effects', (select jsonb_agg(d order by d.at) from drill_effects d where d.execution_id = e.id),
                 'seen', (select jsonb_agg(s order by s.id) from seen s where s.execution_id = e.id)) as row,
                 e.created_at as at
             from executions e ",
            $from,
            " order by e.created_at limit $1"
        )
    };
}

const OPEN: &str = whole!("where state in ('queued', 'running')");

const LEASED: &str = whole!("where lease_id is not null or lease_until is not null");

const WITHOUT_EFFECT: &str = whole!(
    "where state = 'succeeded' and args ->> 'effect' = 'row'
       and not exists (select 1 from drill_effects d where d.execution_id = e.id)"
);

const TWICE: &str = whole!("where (select count(*) from drill_effects d where d.execution_id = e.id) > 1");

/// Executions that do not exist are among them.
const IN_SPITE: &str = "
select to_jsonb(d) || jsonb_build_object('execution', to_jsonb(e)) as row, d.at
from drill_effects d left join executions e on e.id = d.execution_id
where e.state is distinct from 'succeeded' order by d.at limit $1";

const APART: &str = "
select to_jsonb(d) || jsonb_build_object(
           'seen', (select jsonb_agg(s order by s.id) from seen s where s.execution_id = d.execution_id)) as row, d.at
from drill_effects d
where not exists (select 1 from seen s where s.execution_id = d.execution_id and s.became = 'succeeded' and s.xact = d.xact)
order by d.at limit $1";

/// The lease of each end must be that of the claim just before.
const OVERTAKEN: &str = "
with following as (
    select s.*, lag(lease_id) over steps as claimed, lag(became) over steps as before
    from seen s window steps as (partition by execution_id order by id)
)
select to_jsonb(f) as row, at from following f
where was = 'running' and before = 'running' and lease_id is distinct from claimed order by at limit $1";

const REVIVED: &str = "
select to_jsonb(s) as row, at from seen s where was not in ('queued', 'running') order by at limit $1";

const ASTRAY: &str = "
with following as (
    select s.*, lag(became) over (partition by execution_id order by id) as before from seen s
)
select to_jsonb(f) as row, at from following f
where was <> coalesce(before, 'queued') or (was = 'queued' and became not in ('running', 'cancelled'))
order by at limit $1";

/// By the database's own clock. A process knows it to some milliseconds.
const EARLY: &str = "
select to_jsonb(s) as row, at from seen s
where became = 'running' and at < run_at - interval '100 milliseconds' order by at limit $1";

const FAILED: &str =
    whole!("where state = 'failed' and coalesce(args ->> 'fail', '') not in ('fatal', 'always', 'panic')");

/// Snoozes and hand-backs do not count: they raise `max_attempts`, so that the number it has at the first claim is its own.
const ATTEMPTS: &str = whole!(
    "join lateral (
         select jsonb_array_length(e.errors) as failures,
                coalesce((select s.max_attempts from seen s where s.execution_id = e.id order by s.id limit 1), e.max_attempts) as most
     ) counted on true
     where e.attempt > e.max_attempts or failures > most
        or (e.state = 'failed' and failures < most and e.args ->> 'fail' is distinct from 'fatal')"
);

const CANCELLED: &str = whole!(
    "where state = 'cancelled'
       and not exists (select 1 from schedules s where s.id = e.schedule_id and s.overlap = 'cancel_running')"
);

/// A run that waits for the one before may fall behind by more than the hundred due times that catching up runs at most, a second
/// each: those beyond are missed. Without room a run that is due on time is skipped.
const MISSED: &str = whole!(
    "join schedules s on s.id = e.schedule_id and s.catch_up = 'all'
     where (e.state = 'missed' and e.created_at < coalesce(e.covers_to, e.scheduled_for) + interval '99 seconds')
        or (e.state = 'skipped' and s.overlap = 'allow' and s.max_instances >= 1000)"
);

/// By the record: an attempt counts from its claim until its end or its rescue. `cancel_running` asks those that run to stop, and
/// does not wait for them.
const TOO_MANY: &str = "
with steps as (
    select s.*, e.schedule_id, case s.became when 'running' then 1 else -1 end as step
    from seen s join executions e on e.id = s.execution_id
    where e.schedule_id is not null and 'running' in (s.was, s.became)
), counted as (
    select *, sum(step) over (partition by schedule_id order by at, step rows unbounded preceding) as running from steps
)
select to_jsonb(c) || jsonb_build_object('overlap', p.overlap, 'max_instances', p.max_instances) as row, c.at
from counted c join schedules p on p.id = c.schedule_id and p.overlap <> 'cancel_running'
where c.step = 1 and c.running > case p.overlap when 'allow' then p.max_instances else 1 end order by c.at limit $1";

/// Without its id it is looked for by its marker.
const LOST: &str = "
select to_jsonb(t) as row, t.at from told t
where t.answer = 'committed'
  and ((t.id is not null and not exists (
            select 1 from executions e where e.id = t.id and coalesce(e.args ->> 'padding', t.marker) = t.marker))
    or (t.id is null and not exists (select 1 from executions e where e.args ->> 'padding' = t.marker)))
order by t.at limit $1";

const UNWANTED: &str = "
select to_jsonb(t) || jsonb_build_object('execution', to_jsonb(e)) as row, t.at
from told t join executions e on e.args ->> 'padding' = t.marker
where t.answer = 'refused' order by t.at limit $1";

/// The producer's clock is the database's to some milliseconds.
const UNREFUSED: &str = "
select to_jsonb(t) || jsonb_build_object('execution', to_jsonb(e)) as row, t.at
from told t left join executions e on e.id = t.id
where t.answer = 'refused'
  and (e.unique_key is distinct from t.key
    or exists (select 1 from seen s where s.execution_id = t.id and s.became not in ('queued', 'running')
                                      and s.at < t.at - interval '100 milliseconds'))
order by t.at limit $1";

const UNANSWERED: &str =
    "select to_jsonb(t) as row, t.at from told t where answer = 'unanswered' order by t.at limit $1";

/// A claim that Postgres lost in a crash took its count along.
const UNCOUNTED: &str =
    whole!("where attempt <> (select count(*) from seen s where s.execution_id = e.id and s.became = 'running')");

const DOUBLED: &str = "
select jsonb_agg(e) as row, min(e.created_at) as at from executions e
where args ? 'padding' group by args ->> 'padding' having count(*) > 1 limit $1";
