//! A backlog of no-op jobs: how it is put there, and how one waits until it is gone.

use std::time::{Duration, Instant};

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
    (0..workers).for_each(|index| lane.worker(index).sigcont());
    let began = Instant::now();
    done(lane).await;
    jobs as f64 / began.elapsed().as_secs_f64()
}

/// Waits until nothing waits or runs.
pub async fn done(lane: &Lane) {
    while lane.count(BUSY, []).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Answered from the partial indexes: counting would cost more than the work that is measured.
const BUSY: &str = "
select (exists (select from executions where state = 'running')
        or exists (select from executions where state = 'queued' and dispatched_at is not null)
        or exists (select from executions where state = 'queued' and dispatched_at is null))::int::int8";
