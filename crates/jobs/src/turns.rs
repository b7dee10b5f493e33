//! Runs that wait for another run of their schedule: pushed when it is over. Their claim says whether they may start.

use chrono::{DateTime, Utc};
use kernel::Result;
use sea_orm::FromQueryResult;
use store::{Note, Sql, Tx};
use uuid::Uuid;

use crate::job::Queue;

#[derive(FromQueryResult)]
struct Waiting {
    id: Uuid,
    queue: String,
    run_at: DateTime<Utc>,
    priority: i16,
}

/// Pushes the tickets of what waits of these schedules, after the commit: the first ones were used up when they had to wait.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn push_waiting(tx: &Tx, schedules: Vec<Uuid>) -> Result<()> {
    if schedules.is_empty() {
        return Ok(());
    }
    let waiting: Vec<Waiting> = tx.query(WAITING, [schedules.into(), tx.now().into(), tx.is_heard().into()]).await?;
    for Waiting { id, queue, run_at, priority } in waiting {
        if let Some(queue) = Queue::parse(&queue) {
            tx.note(Note { topic: queue.name(), id, at: run_at, rank: priority });
        }
    }
    Ok(())
}

/// Without anybody who hears of the commit they are left to the relay.
const WAITING: &str = "
update executions set dispatched_at = case when $3 then $2 end
where id in (select id from executions
             where schedule_id is not null and schedule_id = any($1) and state = 'queued' and run_at <= $2
             order by id for update skip locked)
returning id, queue, run_at, priority";
