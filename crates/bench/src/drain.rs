//! How fast no-op jobs are enqueued and done, by one worker and by several.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use jobs::Enqueue;
use store::{Db, Tx};
use testkit::Lane;

use crate::{
    backlog::{self, drain, enqueue, job, lane},
    figures::{Figures, Rounds},
    floors,
    processor::Used,
};

const JOBS: usize = 20_000;
const ROUNDS: usize = 3;
const AT_ONCE: usize = 50;
const SINGLE: usize = 20_000;

/// Measures enqueuing and draining with one worker, and the floors beside them.
pub async fn measure(figures: &mut Figures) {
    let lane = lane(1).await;
    let producer = lane.producer();
    drain(&lane, &producer, (1, JOBS)).await; // connections, caches, plans
    let (mut rates, mut shares, mut costs) = (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        lane.worker(0).sigstop();
        rates.note("enqueue, in batches of 1000", enqueue(&producer, JOBS, Duration::ZERO).await);
        let before = Used::by(&lane, 1).await;
        let began = lane.db().clock().now();
        lane.worker(0).sigcont();
        rates.note("drain, one worker", JOBS as f64 / backlog::done_since(&lane, began).await);
        let cost = Used::by(&lane, 1).await.per_job(before, JOBS);
        costs.note("drain: processor time of a job", cost.total());
        costs.note("drain: of it the worker", cost.workers);
        costs.note("drain: of it Postgres", cost.postgres);
        costs.note("drain: of it Redis", cost.redis);
        let single = enqueue_singly(&lane, &producer).await;
        let floor = floors::single_inserts(lane.db().pool()).await;
        sqlx::query("delete from executions where kind = 'bench.floor'").execute(lane.db().pool()).await.unwrap();
        rates.note("enqueue, one per transaction", single);
        shares.note("enqueue, one per transaction: of the floor", single / floor * 100.0);
    }
    rates.add_to(figures, "jobs/s");
    shares.add_to(figures, "%");
    costs.add_to(figures, "us");
    floors::measure(figures, &lane).await;
}

/// With the worker standing still; afterwards it does them.
async fn enqueue_singly(lane: &Lane, db: &Db) -> f64 {
    lane.worker(0).sigstop();
    let began = Instant::now();
    let work = stream::iter(0..SINGLE).for_each_concurrent(AT_ONCE, async |_| {
        db.tx(async |tx: Tx| jobs::enqueue(&tx, &job(), Enqueue::now()).await).await.unwrap();
    });
    work.await;
    let rate = SINGLE as f64 / began.elapsed().as_secs_f64();
    lane.worker(0).sigcont();
    backlog::done(lane).await;
    rate
}

/// Measures one, two and three workers.
pub async fn scale(figures: &mut Figures) {
    let mut rounds = Rounds::default();
    for (workers, name) in [(1, "drain, 1 worker"), (2, "drain, 2 workers"), (3, "drain, 3 workers")] {
        let lane = lane(workers).await;
        let producer = lane.producer();
        drain(&lane, &producer, (workers, JOBS)).await;
        for _ in 0..ROUNDS {
            rounds.note(name, drain(&lane, &producer, (workers, JOBS)).await);
        }
    }
    rounds.add_to(figures, "jobs/s");
}
