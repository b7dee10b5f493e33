//! Gauges that are read from Postgres: how much waits in each queue, and for how long.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::Result;
use store::{Db, Floor};
use tokio_util::sync::CancellationToken;

use crate::{job::Queue, metrics, tasks};

/// As often as Prometheus asks by default.
const EVERY: Duration = Duration::from_secs(15);

/// Where the hot part of `executions` begins.
#[derive(Clone, Default)]
pub(crate) struct Floors {
    pub queued: Floor,
    pub running: Floor,
}

/// Keeps the gauges current until `stop`.
pub(crate) async fn gauge_forever(db: Db, floors: Floors, stop: CancellationToken) {
    loop {
        if let Err(problem) = gauge(&db, &floors).await {
            tasks::report("gauges", &problem);
        }
        if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}

#[derive(sqlx::FromRow)]
struct Depth {
    queue: String,
    due: i64,
    later: i64,
    running: i64,
    oldest: Option<DateTime<Utc>>,
}

async fn gauge(db: &Db, floors: &Floors) -> Result<()> {
    let now = db.clock().now();
    let query = sqlx::query_as(DEPTH).bind(now).bind(floors.queued.at()).bind(floors.running.at());
    let rows: Vec<Depth> = query.fetch_all(db.pool()).await?;
    for queue in Queue::ALL {
        let row = rows.iter().find(|row| row.queue == queue.name());
        metrics::queue_depth(queue, "due", row.map_or(0, |row| row.due));
        metrics::queue_depth(queue, "later", row.map_or(0, |row| row.later));
        metrics::queue_depth(queue, "running", row.map_or(0, |row| row.running));
        let oldest = row.and_then(|row| row.oldest);
        metrics::oldest_age(queue, oldest.and_then(|at| (now - at).to_std().ok()).unwrap_or_default());
    }
    Ok(())
}

/// Three branches, since each partial index answers for one of them; together they hold what is hot and no history.
const DEPTH: &str = "
select queue, count(*) filter (where state = 'queued' and run_at <= $1) as due,
       count(*) filter (where state = 'queued' and run_at > $1) as later, count(*) filter (where state = 'running') as running,
       min(run_at) filter (where state = 'queued' and run_at <= $1) as oldest
from (select queue, state, run_at from executions where state = 'queued' and dispatched_at is null and run_at >= $2
      union all
      select queue, state, run_at from executions where state = 'queued' and dispatched_at is not null and dispatched_at >= $2
      union all
      select queue, state, run_at from executions where state = 'running' and lease_until >= $3) hot
group by queue";
