//! What follows from the end of a schedule's execution: its counters, the schedules that run after it, and a pause or a
//! failure of its own.
//!
//! The end of an execution writes a row of `schedule_events` in its own transaction (a trigger of the table, so that no
//! statement can forget it). Here the row is deleted in the transaction that does what follows: exactly once, in one
//! worker, soon.

mod chain;
mod counters;
mod trouble;

use chrono::{DateTime, Utc};
use jobs::Registry;
use kernel::Result;
use sea_orm::FromQueryResult;
use store::{Db, Sql, Tx};
use uuid::Uuid;

pub(crate) use self::trouble::pause;
use crate::metrics;

/// Events per transaction.
const BATCH: i64 = 500;
/// The most transactions in a row; the next tick goes on.
const MOST_BATCHES: usize = 100;

/// The end of one execution, or an occurrence that was left out.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Event {
    pub schedule_id: Uuid,
    pub execution_id: Uuid,
    pub state: String,
    pub run_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i64>,
    /// How many due times it stands for.
    pub due_times: i64,
    pub correlation_id: String,
    pub round: String,
    pub at: DateTime<Utc>,
    // What the reaction depends on, of its schedule.
    pub name: String,
    pub schedule_type: String,
    pub overlap: String,
    pub pause_on_failure: bool,
    pub has_dependents: bool,
}

/// Does what follows from the executions that have ended. Returns how many.
///
/// # Errors
/// `unavailable` when Postgres is away; then nothing of the batch at hand has followed.
pub(crate) async fn react(db: &Db, registry: &Registry) -> Result<usize> {
    let mut total = 0;
    for _ in 0..MOST_BATCHES {
        let events = db.tx(async |tx| react_batch(&tx, registry).await).await?;
        observe(&events);
        total += events.len();
        if events.len() < BATCH as usize {
            break;
        }
    }
    Ok(total)
}

/// One process at a time: what follows locks several schedules, and two would wait for each other.
const TURN: &str = "select pg_try_advisory_xact_lock(hashtext('schedules.react'))";

const TAKE: &str = "
with taken as (
    select e.id, coalesce(s.name, 'deleted') as name, coalesce(s.schedule_type, 'deleted') as schedule_type,
           coalesce(s.overlap, 'skip') as overlap, coalesce(s.pause_on_failure, false) as pause_on_failure,
           exists (select 1 from schedule_dependencies d where d.after_id = e.schedule_id) as has_dependents
    from (select id, schedule_id from schedule_events order by id limit $1) e left join schedules s on s.id = e.schedule_id
)
delete from schedule_events e using taken
where e.id = taken.id
returning e.*, taken.name, taken.schedule_type, taken.overlap, taken.pause_on_failure, taken.has_dependents";

async fn react_batch(tx: &Tx, registry: &Registry) -> Result<Vec<Event>> {
    if tx.scalar::<bool, _>(TURN, []).await? != Some(true) {
        return Ok(Vec::new());
    }
    let mut events: Vec<Event> = tx.query(TAKE, [BATCH.into()]).await?;
    events.sort_by_key(|event| (event.at, event.execution_id));
    counters::count(tx, &events).await?;
    let queueing = events.iter().filter(|event| event.overlap == "queue_one" && event.started_at.is_some());
    jobs::push_waiting(tx, queueing.map(|event| event.schedule_id).collect()).await?;
    for event in &events {
        if event.state == "failed" {
            trouble::failed(tx, registry, event).await?;
        }
        if event.has_dependents {
            chain::ended(tx, registry, event).await?;
        }
    }
    Ok(events)
}

fn observe(events: &[Event]) {
    for event in events {
        metrics::ended(&event.schedule_type, &event.state, event.due_times.unsigned_abs());
        if let (Some(started), Some(took)) = (event.started_at, event.duration_ms) {
            let lateness = (started - event.run_at).to_std().unwrap_or_default();
            let took = std::time::Duration::from_millis(took.unsigned_abs());
            metrics::ran(&event.schedule_type, lateness, took);
        }
    }
}
