//! The counters of schedules.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::Result;
use store::{Sql, Tx};
use uuid::Uuid;

use super::Event;

/// What the events of one schedule add up to.
#[derive(Default)]
struct Sums {
    succeeded: i64,
    failed: i64,
    cancelled: i64,
    missed: i64,
    skipped: i64,
    last_run_at: Option<DateTime<Utc>>,
    last_success_at: Option<DateTime<Utc>>,
    last_failure_at: Option<DateTime<Utc>>,
    last_execution_id: Option<Uuid>,
}

impl Sums {
    fn add(&mut self, event: &Event) {
        let count = event.due_times;
        match event.state.as_str() {
            "succeeded" => {
                self.succeeded += 1;
                self.last_success_at = self.last_success_at.max(Some(event.at));
            }
            "failed" => {
                self.failed += 1;
                self.last_failure_at = self.last_failure_at.max(Some(event.at));
            }
            "cancelled" => self.cancelled += 1,
            "missed" => self.missed += count,
            _ => self.skipped += count,
        }
        if event.started_at.is_some() {
            self.last_run_at = self.last_run_at.max(event.started_at);
            self.last_execution_id = Some(event.execution_id);
        }
    }
}

/// Adds the events to the counters of their schedules.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn count(tx: &Tx, events: &[Event]) -> Result<()> {
    let mut sums: BTreeMap<Uuid, Sums> = BTreeMap::new();
    for event in events {
        sums.entry(event.schedule_id).or_default().add(event);
    }
    if sums.is_empty() {
        return Ok(());
    }
    let numbers = |pick: fn(&Sums) -> i64| sums.values().map(pick).collect::<Vec<i64>>();
    let texts = |pick: fn(&Sums) -> Option<String>| {
        sums.values().map(|sums| pick(sums).unwrap_or_default()).collect::<Vec<String>>()
    };
    let values = [
        sums.keys().copied().collect::<Vec<Uuid>>().into(),
        numbers(|sums| sums.succeeded).into(),
        numbers(|sums| sums.failed).into(),
        numbers(|sums| sums.cancelled).into(),
        numbers(|sums| sums.missed).into(),
        numbers(|sums| sums.skipped).into(),
        texts(|sums| sums.last_run_at.map(|at| at.to_rfc3339())).into(),
        texts(|sums| sums.last_success_at.map(|at| at.to_rfc3339())).into(),
        texts(|sums| sums.last_failure_at.map(|at| at.to_rfc3339())).into(),
        texts(|sums| sums.last_execution_id.map(|id| id.to_string())).into(),
    ];
    tx.run(COUNT, values).await?;
    Ok(())
}

/// Empty texts stand for nulls.
const COUNT: &str = "
insert into schedule_counters as c (schedule_id, runs, succeeded, failed, cancelled, missed, skipped, last_run_at,
                                    last_success_at, last_failure_at, last_execution_id)
select id, succeeded + failed + cancelled, succeeded, failed, cancelled, missed, skipped, nullif(run_at, '')::timestamptz,
       nullif(success_at, '')::timestamptz, nullif(failure_at, '')::timestamptz, nullif(execution, '')::uuid
from unnest($1::uuid[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::text[], $8::text[],
            $9::text[], $10::text[])
     as n (id, succeeded, failed, cancelled, missed, skipped, run_at, success_at, failure_at, execution)
where exists (select 1 from schedules s where s.id = n.id)
on conflict (schedule_id) do update
set runs = c.runs + excluded.runs, succeeded = c.succeeded + excluded.succeeded, failed = c.failed + excluded.failed,
    cancelled = c.cancelled + excluded.cancelled, missed = c.missed + excluded.missed, skipped = c.skipped + excluded.skipped,
    last_run_at = greatest(c.last_run_at, excluded.last_run_at),
    last_success_at = greatest(c.last_success_at, excluded.last_success_at),
    last_failure_at = greatest(c.last_failure_at, excluded.last_failure_at),
    last_execution_id = coalesce(excluded.last_execution_id, c.last_execution_id)";
