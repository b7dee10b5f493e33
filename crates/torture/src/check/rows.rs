//! What must hold between executions, their effects, what the witness saw and what producers were told.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{Db, Sql};

use super::Violation;

/// Rows that are shown of each promise that is broken.
const SHOWN: u64 = 20;

/// What must not be, and the rows that show it: `row`, and `at`, when it began.
const PROMISES: [(&str, &str); 15] = [
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
    ("only what its schedule gave up is cancelled", CANCELLED),
    ("what was committed exists", LOST),
    ("what was not wanted does not exist", UNWANTED),
    ("one request makes one job", DOUBLED),
];

#[derive(FromQueryResult)]
struct Row {
    row: Value,
    at: Option<DateTime<Utc>>,
}

/// The promises that are broken.
pub async fn rows(db: &Db) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (what, sql) in PROMISES {
        let rows: Vec<Row> = db.conn().query(sql, [SHOWN.cast_signed().into()]).await.unwrap();
        violations.extend(rows.into_iter().map(|row| Violation { what, evidence: row.row.to_string(), at: row.at }));
    }
    violations
}

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

const FAILED: &str = whole!("where state = 'failed' and coalesce(args ->> 'fail', '') not in ('fatal', 'always')");

const CANCELLED: &str = whole!(
    "where state = 'cancelled'
       and not exists (select 1 from schedules s where s.id = e.schedule_id and s.overlap = 'cancel_running')"
);

const LOST: &str = "
select to_jsonb(t) as row, t.at from told t
where t.answer = 'committed' and not exists (
    select 1 from executions e where e.id = t.id and coalesce(e.args ->> 'padding', t.marker) = t.marker)
order by t.at limit $1";

const UNWANTED: &str = "
select to_jsonb(t) || jsonb_build_object('execution', to_jsonb(e)) as row, t.at
from told t join executions e on e.args ->> 'padding' = t.marker
where t.answer = 'refused' order by t.at limit $1";

const DOUBLED: &str = "
select jsonb_agg(e) as row, min(e.created_at) as at from executions e
where args ? 'padding' group by args ->> 'padding' having count(*) > 1 limit $1";
