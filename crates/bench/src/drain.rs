//! How many no-op jobs a second one worker does, and how fast they are enqueued, next to what Postgres can do at most.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use jobs::{Enqueue, Noop};
use store::{Db, Tx};
use testkit::{Backing, Lane, LaneOptions};

use crate::figures::{Figures, median};

const JOBS: usize = 20_000;
const ROUNDS: usize = 3;
const BATCH: usize = 1_000;
const AT_ONCE: usize = 50;
const SINGLE: usize = 5_000;

/// 200 bytes of arguments.
fn job() -> Noop {
    Noop { padding: Some("x".repeat(180)), ..Noop::default() }
}

/// Measures enqueuing and draining.
pub async fn measure(figures: &mut Figures) {
    let options = LaneOptions { webs: 0, postgres: Backing::Private, ..LaneOptions::default() };
    let lane = Lane::start(options.env("RUST_LOG", "warn")).await;
    let producer = lane.producer();
    let (mut batches, mut singles, mut drains, mut floors) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        lane.worker(0).sigstop();
        batches.push(enqueue_in_batches(&producer).await);
        lane.worker(0).sigcont();
        drains.push(drained(&lane).await);
        singles.push(enqueue_singly(&producer).await);
        drained(&lane).await;
        floors.push(floor(lane.db()).await);
    }
    let note = format!("{AT_ONCE} at once, with fsync; the floor inserts the same rows without a transaction around");
    figures.add("floor: single inserts", median(floors), "rows/s", "");
    figures.add("enqueue, one per transaction", median(singles), "jobs/s", note);
    figures.add("enqueue, in batches of 1000", median(batches), "jobs/s", "");
    figures.add("drain, one worker", median(drains), "jobs/s", format!("{JOBS} no-op jobs of 200 bytes"));
}

async fn enqueue_in_batches(db: &Db) -> f64 {
    let jobs = vec![job(); BATCH];
    let began = Instant::now();
    for _ in 0..JOBS / BATCH {
        db.tx(async |tx: Tx| jobs::enqueue_many(&tx, &jobs, &Enqueue::now()).await).await.unwrap();
    }
    JOBS as f64 / began.elapsed().as_secs_f64()
}

async fn enqueue_singly(db: &Db) -> f64 {
    let began = Instant::now();
    let work = stream::iter(0..SINGLE).for_each_concurrent(AT_ONCE, async |_| {
        db.tx(async |tx: Tx| jobs::enqueue(&tx, &job(), Enqueue::now()).await).await.unwrap();
    });
    work.await;
    SINGLE as f64 / began.elapsed().as_secs_f64()
}

/// Waits until everything is done; jobs per second since the call.
async fn drained(lane: &Lane) -> f64 {
    let before = open(lane).await;
    let began = Instant::now();
    while open(lane).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    before as f64 / began.elapsed().as_secs_f64()
}

async fn open(lane: &Lane) -> i64 {
    lane.count("select count(*) from executions where state in ('queued', 'running')", []).await
}

/// The same row, inserted one statement at a time on as many connections.
async fn floor(db: &Db) -> f64 {
    let began = Instant::now();
    let work = stream::iter(0..SINGLE).for_each_concurrent(AT_ONCE, async |_| {
        let args = serde_json::to_value(job()).unwrap();
        sqlx::query(FLOOR)
            .bind(uuid::Uuid::now_v7())
            .bind(args)
            .bind(db.clock().now())
            .execute(db.pool())
            .await
            .unwrap();
    });
    work.await;
    SINGLE as f64 / began.elapsed().as_secs_f64()
}

const FLOOR: &str = "
insert into executions (id, kind, queue, args, state, max_attempts, run_at, trigger, correlation_id, created_at, finished_at)
values ($1, 'bench.floor', 'default', $2, 'succeeded', 1, $3, 'api', 'bench', $3, $3)";
