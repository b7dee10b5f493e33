//! What became of the due times of a schedule: none is without an entry, and none has two.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use store::{Db, Sql};
use uuid::Uuid;

use crate::Planned;

/// What a due time left.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Entry {
    /// Of the execution.
    pub id: Uuid,
    /// Of the execution.
    pub state: String,
    /// The due time; none for a run of another cause.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// The last of those it stands for.
    pub covers_to: Option<DateTime<Utc>>,
    /// How often it was tried.
    pub attempt: i32,
    /// Of the last attempt.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it is as it is.
    pub message: Option<String>,
    /// The chain it belongs to.
    pub correlation_id: String,
    /// The round of the chain.
    pub round: Option<String>,
    /// How often its effect exists.
    pub effects: i64,
}

const ENTRIES: &str = "
select id, state, scheduled_for, covers_to, attempt, started_at, finished_at, message, correlation_id, round,
       (select count(*) from drill_effects d where d.execution_id = e.id) as effects
from executions e where schedule_id = $1 order by coalesce(scheduled_for, created_at), id";

/// The entries of a schedule, in the order of their due times.
pub async fn entries(db: &Db, schedule: Uuid) -> Vec<Entry> {
    db.conn().query(ENTRIES, [schedule.into()]).await.expect("Postgres answers")
}

#[derive(Clone, Copy, FromQueryResult)]
struct Extent {
    created_at: DateTime<Utc>,
    last_due_at: Option<DateTime<Utc>>,
}

const EXTENT: &str = "select created_at, last_due_at from schedules where id = $1";

/// The due times of a schedule that were dealt with, from its creation on.
pub async fn due_times(db: &Db, schedule: Uuid, planned: &Planned) -> Vec<DateTime<Utc>> {
    let extent: Option<Extent> = db.conn().query_opt(EXTENT, [schedule.into()]).await.expect("Postgres answers");
    let Extent { created_at, last_due_at } = extent.expect("the schedule");
    let spec = planned.timing().spec().expect("a timing that can be read");
    let runs = spec.occurrences(created_at).map(|run| run.at);
    runs.take_while(|at| Some(*at) <= last_due_at).collect()
}

/// What is wrong: due times without an entry (a row of its own, or one range that covers it), or with more than one, and
/// entries for what was never due.
pub fn faults(due_times: &[DateTime<Utc>], entries: &[Entry]) -> Vec<String> {
    let mut faults = Vec::new();
    for due in due_times {
        let own = entries.iter().filter(|entry| entry.scheduled_for == Some(*due));
        let covers = |entry: &&Entry| entry.scheduled_for < Some(*due) && entry.covers_to >= Some(*due);
        let of_it: Vec<&Entry> = own.chain(entries.iter().filter(covers)).collect();
        if of_it.len() != 1 {
            faults.push(format!("the due time {due} has {} entries: {of_it:?}", of_it.len()));
        }
    }
    let unknown = |entry: &&Entry| entry.scheduled_for.is_some_and(|at| due_times.binary_search(&at).is_err());
    faults.extend(entries.iter().filter(unknown).map(|entry| format!("it was never due: {entry:?}")));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u32) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(second))
    }

    fn entry(from: u32, to: Option<u32>) -> Entry {
        Entry {
            id: Uuid::nil(),
            state: String::new(),
            scheduled_for: Some(at(from)),
            covers_to: to.map(at),
            attempt: 1,
            started_at: None,
            finished_at: None,
            message: None,
            correlation_id: String::new(),
            round: None,
            effects: 0,
        }
    }

    #[test]
    fn each_due_time_has_one_entry_or_is_in_one_range() {
        let dues = [1, 2, 3, 4].map(at);
        assert_eq!(faults(&dues, &[entry(1, None), entry(2, Some(3)), entry(4, None)]), [""; 0]);
        let without = faults(&dues, &[entry(1, None), entry(2, None), entry(4, None)]);
        assert!(without.len() == 1 && without[0].contains("00:00:03 UTC has 0 entries"), "{without:?}");
        assert_eq!(faults(&dues, &[entry(1, Some(4)), entry(3, None)]).len(), 1, "3 is in the range and has its own");
        assert_eq!(faults(&dues[..3], &[entry(1, Some(3)), entry(4, None)]).len(), 1, "4 was never due");
    }
}
