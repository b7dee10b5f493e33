//! Schedules with real processes: what becomes of each due time, seen from outside.

mod chain;
mod clock;
mod downtime;
mod overlap;

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use sea_orm::FromQueryResult;
use store::Sql;
use testkit::{Lane, Planned};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(40);

/// What a due time left.
#[derive(Clone, Debug, FromQueryResult)]
struct Entry {
    state: String,
    scheduled_for: Option<DateTime<Utc>>,
    covers_to: Option<DateTime<Utc>>,
    attempt: i32,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    message: Option<String>,
    correlation_id: String,
    round: Option<String>,
    effects: i64,
}

const ENTRIES: &str = "
select state, scheduled_for, covers_to, attempt, started_at, finished_at, message, correlation_id, round,
       (select count(*) from drill_effects d where d.execution_id = e.id) as effects
from executions e where schedule_id = $1 order by coalesce(scheduled_for, created_at), id";

async fn entries(lane: &Lane, schedule: Uuid) -> Vec<Entry> {
    lane.db().conn().query(ENTRIES, [schedule.into()]).await.expect("Postgres answers")
}

fn states(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.state.as_str()).collect()
}

/// The schedules have no more due times from now on.
async fn stop(lane: &Lane) {
    let sql = "update schedules set state = 'paused', next_run_at = null where origin = 'api' and state = 'active' and schedule_type <> 'dependent'";
    lane.db().conn().run(sql, []).await.expect("Postgres answers");
}

/// Waits until nothing of any schedule waits or runs, and nothing is left to follow from what has ended.
async fn quiet(lane: &Lane) {
    lane.eventually(PATIENCE, async || {
        let open =
            "select (select count(*) from executions where state in ('queued', 'running') and schedule_id is not null)
                         + (select count(*) from schedule_events)";
        lane.count(open, []).await == 0
    })
    .await;
}

/// Waits until so many of a schedule's executions are in `state`.
async fn reaches(lane: &Lane, schedule: Uuid, state: &'static str, count: i64) {
    lane.eventually(PATIENCE, async || {
        let sql = "select count(*) from executions where schedule_id = $1 and state = $2";
        lane.count(sql, [schedule.into(), state.into()]).await >= count
    })
    .await;
}

/// Every due time that was dealt with has exactly one entry: a row of its own, or one range that covers it. Returns how
/// many due times that were.
async fn each_due_time_is_accounted_for_once(lane: &Lane, schedule: Uuid, planned: &Planned) -> usize {
    let since = "select created_at from schedules where id = $1";
    let since: DateTime<Utc> = lane.db().conn().scalar(since, [schedule.into()]).await.unwrap().unwrap();
    let until = "select last_due_at from schedules where id = $1";
    let until: DateTime<Utc> = lane.db().conn().scalar(until, [schedule.into()]).await.unwrap().unwrap();
    let spec = planned.timing().spec().unwrap();
    let dues: Vec<DateTime<Utc>> = spec.occurrences(since).map(|run| run.at).take_while(|at| *at <= until).collect();
    let entries = entries(lane, schedule).await;
    for due in &dues {
        let own = entries.iter().filter(|entry| entry.scheduled_for == Some(*due)).count();
        let covering = entries
            .iter()
            .filter(|entry| entry.scheduled_for < Some(*due) && entry.covers_to.is_some_and(|to| to >= *due))
            .count();
        assert_eq!((own, covering == 1), (usize::from(covering == 0), covering > 0), "{due}: {entries:#?}");
    }
    let known = |entry: &Entry| entry.scheduled_for.is_some_and(|at| dues.contains(&at));
    assert!(entries.iter().all(known), "entries for what was never due: {entries:#?}");
    dues.len()
}

/// Inserts each of them.
async fn insert_all(lane: &Lane, planned: &[Planned]) -> Vec<Uuid> {
    join_all(planned.iter().map(|planned| planned.insert(lane.db()))).await
}
