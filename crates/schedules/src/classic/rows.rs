//! Reading jobs and their executions.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kernel::Result;
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::Sql;
use uuid::Uuid;

use super::unknown;

/// No end of an execution is as late: what is not over comes before what is.
const NOT_OVER: DateTime<Utc> = DateTime::from_timestamp_nanos(i64::MAX);

/// A schedule that the code declares.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct JobRow {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    pub timing: Value,
    pub state: String,
    pub state_reason: Option<String>,
    pub next_run_at: Option<DateTime<Utc>>,
}

/// One of its executions.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct RunRow {
    pub id: Uuid,
    pub schedule_id: Uuid,
    pub job_id: String,
    pub state: String,
    pub trigger: String,
    pub triggered_by: Option<String>,
    pub scheduled_for: Option<DateTime<Utc>>,
    pub attempt: i32,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i64>,
    pub message: Option<String>,
    /// The last entry of its errors.
    pub error: Option<Value>,
    /// Its place in the list of recent ones.
    pub at: DateTime<Utc>,
}

macro_rules! run_columns {
    () => {
        "e.id, e.schedule_id, s.name as job_id, e.state, e.trigger, e.triggered_by, e.scheduled_for, e.attempt, e.started_at,
         e.finished_at, e.duration_ms, e.message, e.errors -> -1 as error"
    };
}

/// At most `most` jobs by name, those after `after`.
pub(super) async fn list(sql: &impl Sql, after: Option<String>, most: u64) -> Result<Vec<JobRow>> {
    sql.query(LIST, [after.into(), (most as i64).into()]).await
}

const LIST: &str = "
select id, name, description, timing, state, state_reason, next_run_at from schedules
where origin = 'code' and deleted_at is null and ($1::text is null or name > $1)
order by name limit $2";

/// The job of that id.
///
/// # Errors
/// `not-found`.
pub(super) async fn find(sql: &impl Sql, job_id: &str) -> Result<JobRow> {
    // A text that Postgres does not take is nobody's name.
    let name = job_id.replace('\0', "\u{fffd}");
    sql.query_opt(FIND, [name.into()]).await?.ok_or_else(|| unknown(job_id))
}

const FIND: &str = "
select id, name, description, timing, state, state_reason, next_run_at from schedules
where origin = 'code' and deleted_at is null and name = $1";

/// The latest execution of each schedule that runs, waits or has run: one that was left out did not.
pub(super) async fn latest(sql: &impl Sql, ids: Vec<Uuid>) -> Result<HashMap<Uuid, RunRow>> {
    let rows: Vec<RunRow> = sql.query(LATEST, [ids.into(), NOT_OVER.into()]).await?;
    Ok(rows.into_iter().map(|row| (row.schedule_id, row)).collect())
}

/// What is over and what is not have an index each.
const LATEST: &str = concat!(
    "select ",
    run_columns!(),
    ", coalesce(e.finished_at, $2) as at
from schedules s
cross join lateral (
    select id from (
        (select id from executions
         where schedule_id is not null and schedule_id = s.id and state in ('queued', 'running')
         order by id desc limit 1)
        union all
        (select id from executions
         where schedule_id is not null and schedule_id = s.id and finished_at is not null and state not in ('skipped', 'missed')
         order by id desc limit 1)
    ) newest order by id desc limit 1
) latest
join executions e on e.id = latest.id
where s.id = any($1)"
);

/// One page of a job's executions, the newest first, and how many there are.
pub(super) async fn history(sql: &impl Sql, id: Uuid, (page, limit): (u64, u64)) -> Result<(Vec<RunRow>, i64)> {
    let offset = (page - 1).saturating_mul(limit).min(i64::MAX as u64 - limit);
    let values = [id.into(), (limit as i64).into(), (offset as i64).into(), NOT_OVER.into()];
    let rows = sql.query(HISTORY, values).await?;
    let total: Option<i64> = sql.scalar(TOTAL, [id.into()]).await?;
    Ok((rows, total.unwrap_or_default()))
}

const HISTORY: &str = concat!(
    "select ",
    run_columns!(),
    ", coalesce(e.finished_at, $4) as at
from (
    select id from (
        (select id from executions
         where schedule_id is not null and schedule_id = $1 and state in ('queued', 'running')
         order by id desc limit $2 + $3)
        union all
        (select id from executions
         where schedule_id is not null and schedule_id = $1 and finished_at is not null
         order by id desc limit $2 + $3)
    ) both_kinds order by id desc limit $2 offset $3
) page
join executions e on e.id = page.id
join schedules s on s.id = e.schedule_id
order by e.id desc"
);

const TOTAL: &str = "
select (select count(*) from executions
        where schedule_id is not null and schedule_id = $1 and state in ('queued', 'running'))
     + (select count(*) from executions where schedule_id is not null and schedule_id = $1 and finished_at is not null)";

/// At most `most` executions of any job that are not over, or ended after `since`: those first, then by their end, the
/// latest first. Those after the place `after`.
pub(super) async fn recent(
    sql: &impl Sql,
    since: DateTime<Utc>,
    after: Option<(DateTime<Utc>, Uuid)>,
    most: u64,
) -> Result<Vec<RunRow>> {
    let (at, id) = after.unwrap_or((NOT_OVER, Uuid::max()));
    sql.query(RECENT, [since.into(), NOT_OVER.into(), at.into(), id.into(), (most as i64).into()]).await
}

/// The few schedules of the code are looked through one by one, in an index: what the many others did is not read.
const RECENT: &str = concat!(
    "select ",
    run_columns!(),
    ", found.at
from schedules s
cross join lateral (
    select id, coalesce(finished_at, $2) as at from executions
    where schedule_id is not null and schedule_id = s.id and state in ('queued', 'running')
    union all
    select id, finished_at from executions
    where schedule_id is not null and schedule_id = s.id and finished_at > $1
) found
join executions e on e.id = found.id
where s.origin = 'code' and (found.at, found.id) < ($3, $4)
order by found.at desc, found.id desc limit $5"
);
