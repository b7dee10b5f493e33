//! The sweeper: gives the executions of a worker that went silent to another one.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Result;
use store::{Db, Floor};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    job::Queue,
    metrics, tasks,
    wire::{Pusher, Ticket},
};

/// Executions rescued per statement.
const BATCH: i64 = 500;
/// What expired longer ago than this has been rescued by a search that found all.
const SETTLED: TimeDelta = TimeDelta::seconds(2);

/// Looks for expired leases until `stop`, several times in a lease, and pushes the tickets of what it rescued at once.
pub(crate) async fn sweep_forever((db, floor): (Db, Floor), lease: Duration, pusher: Pusher, stop: CancellationToken) {
    let every = (lease / 8).clamp(Duration::from_millis(250), Duration::from_millis(1_250));
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        match sweep(&db, &floor, Tickets::Pushed).await {
            Ok(tickets) => tickets.into_iter().for_each(|ticket| pusher.hand_over(ticket)),
            Err(problem) => tasks::report("sweeper", &problem),
        }
    }
}

/// Whether the caller pushes the tickets of what was rescued, or leaves that to the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tickets {
    Pushed,
    Left,
}

#[derive(sqlx::FromRow)]
struct Rescued {
    id: Uuid,
    kind: String,
    queue: String,
    priority: i16,
    state: String,
    attempt: i32,
    worker: Option<Uuid>,
}

/// Rescues executions whose lease has expired; returns the tickets of those that are queued again. `floor` is that of the leases.
pub(crate) async fn sweep(db: &Db, floor: &Floor, tickets: Tickets) -> Result<Vec<Ticket>> {
    let now: DateTime<Utc> = db.clock().now();
    let search = async |from: DateTime<Utc>| {
        let query = sqlx::query_as(RESCUE).bind(now).bind(BATCH).bind(tickets == Tickets::Pushed).bind(from);
        tasks::bounded(query.fetch_all(db.pool())).await
    };
    let rise = async |from, rescued: &Vec<Rescued>| if rescued.len() < BATCH as usize { now - SETTLED } else { from };
    let rescued = floor.search(search, rise).await?;
    for row in &rescued {
        tracing::warn!(
            execution = %row.id, kind = row.kind, attempt = row.attempt, worker = row.worker.map(tracing::field::display),
            state = row.state, "rescued: its worker went silent"
        );
    }
    metrics::rescued(rescued.len() as u64);
    let queued = rescued.into_iter().filter(|row| row.state == "queued");
    Ok(queued.filter_map(|row| row.ticket(now)).collect())
}

impl Rescued {
    fn ticket(&self, due: DateTime<Utc>) -> Option<Ticket> {
        Some(Ticket { queue: Queue::parse(&self.queue)?, id: self.id, due, priority: self.priority })
    }
}

/// An execution that took its worker down with it on every attempt ends as failed. What was asked to be cancelled is.
const RESCUE: &str = "
with expired as (
    select id from executions where state = 'running' and lease_until >= $4 and lease_until < $1
    order by lease_until limit $2 for update skip locked
)
update executions e
set state = case when e.cancel_requested_at is not null then 'cancelled'
                 when e.attempt >= e.max_attempts then 'failed' else 'queued' end,
    finished_at = case when e.cancel_requested_at is not null or e.attempt >= e.max_attempts then $1 end,
    run_at = $1, dispatched_at = case when $3 then $1 end, lease_id = null, lease_until = null,
    errors = e.errors || jsonb_build_object(
        'at', to_char($1 at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), 'attempt', e.attempt,
        'worker', e.worker, 'problem', 'worker-died',
        'error', 'worker-died: its lease expired at ' || to_char(e.lease_until at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') || ' without a word from the worker')
from expired where e.id = expired.id
returning e.id, e.kind, e.queue, e.priority, e.state, e.attempt, e.worker";
