//! A backlog of no-op jobs: how it is put there, and how one waits until it is gone.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use jobs::{Enqueue, Noop};
use store::{Db, Tx};
use testkit::{Backing, Lane, LaneOptions};

/// Jobs in a transaction.
pub const BATCH: usize = 1_000;

/// Workers with the settings of production and a durable Postgres of their own.
pub async fn lane(workers: usize) -> Lane {
    let options = LaneOptions { webs: 0, workers, postgres: Backing::Private, ..LaneOptions::default() };
    Lane::start(options.env("RUST_LOG", "warn").env("JOB_LEASE", "10s")).await
}

/// 200 bytes of arguments.
pub fn job() -> Noop {
    Noop { padding: Some("x".repeat(180)), ..Noop::default() }
}

/// Enqueues so many jobs in batches, due `after` a while; how many a second.
pub async fn enqueue(db: &Db, jobs: usize, after: Duration) -> f64 {
    let batch = vec![job(); BATCH];
    let due = db.clock().now() + after;
    let began = Instant::now();
    for _ in 0..jobs / BATCH {
        db.tx(async |tx: Tx| jobs::enqueue_many(&tx, &batch, &Enqueue::at(due)).await).await.unwrap();
    }
    jobs as f64 / began.elapsed().as_secs_f64()
}

/// Lets `workers` do a backlog of `jobs` that is put there while they stand still; jobs per second.
pub async fn drain(lane: &Lane, producer: &Db, (workers, jobs): (usize, usize)) -> f64 {
    (0..workers).for_each(|index| lane.worker(index).sigstop());
    enqueue(producer, jobs, Duration::ZERO).await;
    let began = lane.db().clock().now();
    (0..workers).for_each(|index| lane.worker(index).sigcont());
    jobs as f64 / done_since(lane, began).await
}

/// Waits until nothing waits or runs; how many seconds after `began` the last job ended. By what its row says: the waiting is not
/// measured with it.
pub async fn done_since(lane: &Lane, began: DateTime<Utc>) -> f64 {
    done(lane).await;
    let last: DateTime<Utc> = sqlx::query_scalar(LAST_END).fetch_one(lane.db().pool()).await.unwrap();
    (last - began).as_seconds_f64()
}

const LAST_END: &str =
    "select finished_at from executions where finished_at is not null order by finished_at desc limit 1";

/// Waits until nothing waits or runs.
pub async fn done(lane: &Lane) {
    for look in [LAST, BUSY] {
        while lane.count(look, []).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Whether what was enqueued last waits or runs: one row, which costs nothing to look at.
const LAST: &str = "
select count(*) filter (where state in ('queued', 'running')) from (select state from executions order by id desc limit 1) last";

/// Whether anything of a backlog does, which was put there within ten seconds. Answered from the partial indexes, and not from
/// their beginnings, where a long transaction keeps what is done: counting would cost more than the work that is measured.
const BUSY: &str = "
with begin as (select (select created_at from executions order by id desc limit 1) - interval '10 seconds' as at)
select (exists (select from executions where state = 'running' and lease_until >= (select at from begin))
        or exists (select from executions where state = 'queued' and dispatched_at is not null and dispatched_at >= (select at from begin))
        or exists (select from executions where state = 'queued' and dispatched_at is null and run_at >= (select at from begin)))::int::int8";

/// Milliseconds from due to started of all jobs, sorted; they are deleted.
pub async fn lateness(lane: &Lane) -> Vec<f64> {
    let late = sqlx::query_scalar(LATENESS).fetch_all(lane.db().pool()).await.unwrap();
    sqlx::query("delete from executions where kind = 'engine.noop'").execute(lane.db().pool()).await.unwrap();
    late
}

const LATENESS: &str = "
select (extract(epoch from started_at - run_at) * 1000)::float8 from executions where kind = 'engine.noop' order by 1";
