//! Schedules with real processes: what becomes of each due time, seen from outside.

mod chain;
mod clock;
mod downtime;
mod overlap;

use std::time::Duration;

use futures::future::join_all;
use store::Sql;
use testkit::{Entry, Lane, Planned};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(40);

async fn entries(lane: &Lane, schedule: Uuid) -> Vec<Entry> {
    testkit::entries(lane.db(), schedule).await
}

fn states(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.state.as_str()).collect()
}

/// The schedules have no more due times from now on.
pub(super) async fn stop(lane: &Lane) {
    let sql = "update schedules set state = 'paused', next_run_at = null where origin = 'api' and state = 'active' and schedule_type <> 'dependent'";
    lane.db().conn().run(sql, []).await.expect("Postgres answers");
}

/// Waits until nothing of any schedule waits or runs, and nothing is left to follow from what has ended.
pub(super) async fn quiet(lane: &Lane) {
    lane.eventually(PATIENCE, async || {
        let open =
            "select (select count(*) from executions where state in ('queued', 'running') and schedule_id is not null)
                         + (select count(*) from schedule_events)";
        lane.count(open, []).await == 0
    })
    .await;
}

/// Waits until so many of a schedule's executions are in `state`.
pub(super) async fn reaches(lane: &Lane, schedule: Uuid, state: &'static str, count: i64) {
    lane.eventually(PATIENCE, async || {
        let sql = "select count(*) from executions where schedule_id = $1 and state = $2";
        lane.count(sql, [schedule.into(), state.into()]).await >= count
    })
    .await;
}

/// Every due time that was dealt with has exactly one entry: a row of its own, or one range that covers it. Returns how
/// many due times that were.
pub(super) async fn each_due_time_is_accounted_for_once(lane: &Lane, schedule: Uuid, planned: &Planned) -> usize {
    let (dues, entries) = (testkit::due_times(lane.db(), schedule, planned).await, entries(lane, schedule).await);
    assert_eq!(testkit::faults(&dues, &entries), [""; 0]);
    dues.len()
}

/// Inserts each of them.
pub(super) async fn insert_all(lane: &Lane, planned: &[Planned]) -> Vec<Uuid> {
    join_all(planned.iter().map(|planned| planned.insert(lane.db()))).await
}
