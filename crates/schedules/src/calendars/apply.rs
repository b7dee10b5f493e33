//! Bringing a changed calendar to the schedules that use it: at once, and not retroactively.

use chrono::{DateTime, Utc};
use jobs::Registry;
use kernel::{Problem, Result};
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{Sql, Tx};
use uuid::Uuid;

use super::CalendarRow;
use crate::{
    plan::Waiting,
    row::{Due, due_columns},
    spans,
    tick::write_due,
    timing::StoredTiming,
};

/// Schedules per statement.
const BATCH: usize = 1000;

#[derive(FromQueryResult)]
struct User {
    id: Uuid,
    state: String,
    timing: Value,
    last_due_at: Option<DateTime<Utc>>,
}

/// Makes every schedule that uses `calendar` follow its new rules from now on; what they were due for before has become
/// executions first. Returns how many there are.
///
/// # Errors
/// `internal-error` when a stored timing cannot be read; `unavailable` when Postgres is away.
pub(super) async fn apply(tx: &Tx, registry: &Registry, calendar: &CalendarRow) -> Result<usize> {
    let locked: Vec<Due> = tx.query(LOCK, [calendar.id.into()]).await?;
    let (now, total) = (tx.now(), locked.len());
    for batch in locked.chunks(BATCH) {
        let due: Vec<Due> = batch.iter().filter(|row| row.is_due(now)).cloned().collect();
        write_due(tx, registry, &due, Waiting::Ends).await?;
        let ids: Vec<Uuid> = batch.iter().map(|row| row.id).collect();
        let users: Vec<User> = tx.query(USERS, [ids.into()]).await?;
        follow(tx, calendar, users).await?;
    }
    Ok(total)
}

const LOCK: &str = concat!(
    "select ",
    due_columns!(),
    " from schedules s where (s.calendar_id = $1 or s.exclude_calendar_id = $1) and s.deleted_at is null
      order by s.id for update of s"
);

const USERS: &str = "select id, state, timing, last_due_at from schedules where id = any($1) order by id";

async fn follow(tx: &Tx, calendar: &CalendarRow, users: Vec<User>) -> Result<()> {
    let (mut ids, mut since, mut timings, mut next, mut over) = (vec![], vec![], vec![], vec![], vec![]);
    for user in users {
        let timing = follows(calendar, user.timing)?;
        // A process whose clock runs ahead may have dealt with due times that are still to come here.
        let now = user.last_due_at.map_or(tx.now(), |handled| handled.max(tx.now()));
        let active = user.state == "active";
        let at = if active { crate::cache::spec(&timing).map_err(Problem::internal)?.next_after(now) } else { None };
        ids.push(user.id);
        since.push(now);
        timings.push(serde_json::to_string(&timing)?);
        next.push(at.map(|at| at.to_rfc3339()).unwrap_or_default());
        over.push(active && at.is_none());
    }
    spans::close(tx, ids.clone(), since).await?;
    tx.run(FOLLOW, [ids.into(), timings.into(), next.into(), over.into(), tx.now().into()]).await?;
    Ok(())
}

fn follows(calendar: &CalendarRow, timing: Value) -> Result<StoredTiming> {
    let mut timing: StoredTiming = serde_json::from_value(timing)?;
    let kept = calendar.kept()?;
    if let Some(within) = timing.calendar.as_mut().filter(|within| within.id == kept.id) {
        (within.name, within.version, within.rules) = (kept.name.clone(), kept.version, kept.rules.clone());
    }
    if let Some(left_out) = timing.exclude_calendar.as_mut().filter(|left_out| left_out.id == kept.id) {
        *left_out = kept;
    }
    Ok(timing)
}

/// Empty texts stand for nulls. A schedule whose calendar leaves it no due time is over, and says so.
const FOLLOW: &str = "
update schedules s
set timing = n.timing::jsonb, updated_at = $5, version = s.version + 1,
    next_run_at = nullif(n.next, '')::timestamptz,
    state = case when n.over then 'completed' else s.state end,
    state_reason = case when n.over then 'its calendar leaves it no due time' else s.state_reason end
from unnest($1::uuid[], $2::text[], $3::text[], $4::bool[]) as n (id, timing, next, over)
where s.id = n.id";
