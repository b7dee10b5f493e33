//! Gauges that are read from Postgres: how many schedules there are, and what is overdue.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Result;
use sea_orm::FromQueryResult;
use store::{Db, Sql};

use crate::metrics;

/// Due times are dealt with within a tick or two; what is older than this waits for one.
const ON_TIME: TimeDelta = TimeDelta::seconds(2);
/// An execution whose lease ended longer ago than this does not run any more: it has been rescued.
const RESCUED: TimeDelta = TimeDelta::seconds(60);

#[derive(FromQueryResult)]
struct Kind {
    schedule_type: String,
    state: String,
    count: i64,
}

#[derive(FromQueryResult)]
struct Waiting {
    due: i64,
    oldest: Option<DateTime<Utc>>,
    running_since: Option<DateTime<Utc>>,
}

/// Reads them once.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn gauge(db: &Db) -> Result<()> {
    let now = db.clock().now();
    let age = |at: Option<DateTime<Utc>>| at.and_then(|at| (now - at).to_std().ok()).unwrap_or(Duration::ZERO);
    if let Some(waiting) =
        db.conn().query_opt::<Waiting, _>(WAITING, [(now - ON_TIME).into(), (now - RESCUED).into()]).await?
    {
        metrics::backlog(waiting.due, age(waiting.oldest));
        metrics::longest_running(age(waiting.running_since));
    }
    Ok(())
}

/// Counts the schedules. Reads all of an index: less often.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn count(db: &Db) -> Result<()> {
    let kinds: Vec<Kind> = db.conn().query(KINDS, []).await?;
    for kind in kinds {
        metrics::schedules(&kind.schedule_type, &kind.state, kind.count);
    }
    Ok(())
}

/// The backlog is counted up to a bound: beyond it the number says enough.
const WAITING: &str = "
select (select count(*) from (select 1 from schedules where state = 'active' and next_run_at < $1 limit 100000) due) as due,
       (select min(next_run_at) from schedules where state = 'active' and next_run_at < $1) as oldest,
       (select min(started_at) from executions where state = 'running' and lease_until > $2 and schedule_id is not null) as running_since";

/// Types and states that have no schedule any more are told as 0.
const KINDS: &str = "
select t.schedule_type, s.state, coalesce(n.count, 0) as count
from unnest(array['cron', 'interval', 'one_time', 'immediate', 'dependent']) as t (schedule_type)
cross join unnest(array['active', 'paused', 'completed', 'failed', 'disabled']) as s (state)
left join (select schedule_type, state, count(*) as count from schedules where deleted_at is null group by 1, 2) n
     using (schedule_type, state)";
