//! The sweeper: gives the executions of a worker that went silent to another one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::Result;
use store::Db;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{metrics, tasks};

/// Executions rescued per statement.
const BATCH: i64 = 500;

/// Looks for expired leases until `stop`: four times in a lease, at most once a second apart.
pub(crate) async fn sweep_forever(db: Db, lease: Duration, stop: CancellationToken) {
    let every = (lease / 4).min(Duration::from_secs(1));
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        if let Err(problem) = sweep(&db).await {
            tasks::report("sweeper", &problem);
        }
    }
}

#[derive(sqlx::FromRow)]
struct Rescued {
    id: Uuid,
    kind: String,
    state: String,
    attempt: i32,
    worker: Option<Uuid>,
}

/// Rescues every expired lease; returns how many there were.
pub(crate) async fn sweep(db: &Db) -> Result<usize> {
    let now: DateTime<Utc> = db.clock().now();
    let rescued: Vec<Rescued> = sqlx::query_as(RESCUE).bind(now).bind(BATCH).fetch_all(db.pool()).await?;
    for row in &rescued {
        tracing::warn!(
            execution = %row.id, kind = row.kind, attempt = row.attempt, worker = row.worker.map(tracing::field::display),
            state = row.state, "rescued: its worker went silent"
        );
    }
    metrics::rescued(rescued.len() as u64);
    Ok(rescued.len())
}

/// An execution that took its worker down with it on every attempt ends as failed. What was asked to be cancelled is.
const RESCUE: &str = "
with expired as (
    select id from executions where state = 'running' and lease_until < $1
    order by lease_until limit $2 for update skip locked
)
update executions e
set state = case when e.cancel_requested_at is not null then 'cancelled'
                 when e.attempt >= e.max_attempts then 'failed' else 'queued' end,
    finished_at = case when e.cancel_requested_at is not null or e.attempt >= e.max_attempts then $1 end,
    run_at = $1, dispatched_at = null, lease_id = null, lease_until = null,
    errors = e.errors || jsonb_build_object(
        'at', to_char($1 at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), 'attempt', e.attempt,
        'worker', e.worker, 'problem', 'worker-died',
        'error', 'worker-died: its lease expired at ' || to_char(e.lease_until at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') || ' without a word from the worker')
from expired where e.id = expired.id
returning e.id, e.kind, e.state, e.attempt, e.worker";
