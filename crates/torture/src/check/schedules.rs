//! What must hold for schedules: each due time has one entry, each round of a chain one run.

use chrono::{DateTime, TimeDelta, Utc};
use store::{Db, Sql};
use testkit::{due_times, entries, faults};

use super::Violation;
use crate::load::Schedules;

/// A schedule is looked at every second.
const TICK: TimeDelta = TimeDelta::seconds(2);

/// The promises that are broken.
pub async fn schedules(db: &Db, load: &Schedules) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut add = |what, evidence| violations.push(Violation { what, evidence, at: None });
    for (id, planned) in &load.due {
        let (dues, entries) = (due_times(db, *id, planned).await, entries(db, *id).await);
        for fault in faults(&dues, &entries) {
            add("each due time has one entry", format!("{planned:?}: {fault}"));
        }
        // What was due while it was paused by hand counts up to then.
        let paused: Option<DateTime<Utc>> =
            db.conn().scalar("select updated_at from schedules where id = $1", [(*id).into()]).await.unwrap();
        let dealt_with = dues.last().is_some_and(|last| paused.is_none_or(|paused| *last >= paused - TICK));
        if !dealt_with {
            add("a schedule is dealt with up to its end", format!("{planned:?}: {:?}, {paused:?}", dues.last()));
        }
    }
    for pair in load.chain.windows(2) {
        let [before, after] = [pair[0], pair[1]];
        let rows: Vec<String> = sqlx::query_scalar(ROUNDS).bind(before).bind(after).fetch_all(db.pool()).await.unwrap();
        for row in rows {
            add("each round of a chain has one run", row);
        }
    }
    let left: i64 = db.conn().scalar(UNDECIDED, []).await.unwrap().unwrap_or_default();
    if left > 0 {
        add("what follows from an end is done", format!("{left} events or rounds are left"));
    }
    violations
}

/// Rounds in which the one before has succeeded, and the one after has not run once.
const ROUNDS: &str = "
select to_jsonb(b)::text
from executions b left join executions a on a.schedule_id = $2 and a.correlation_id = b.correlation_id
where b.schedule_id = $1 and b.state = 'succeeded'
group by b.id having count(a.id) <> 1 limit 20";

const UNDECIDED: &str = "select (select count(*) from schedule_events) + (select count(*) from schedule_rounds)";
