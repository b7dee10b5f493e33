//! An hour at 500 jobs a second with a transaction open, which keeps everything that dies: what it does to pickup and drain.

use std::time::Duration;

use jobs::Enqueue;
use store::{Db, Tx};
use testkit::Lane;

use crate::{
    backlog::{done, drain, job, lane},
    figures::{Figures, Rounds, quantile},
    growth::{open_transaction, sizes},
};

const MINUTES: u32 = 60;
/// Ten jobs so often: 500 a second.
const EVERY: Duration = Duration::from_millis(20);
const AT_ONCE: usize = 10;
const DRAINED: usize = 20_000;
const ROUNDS: usize = 3;

/// Measures before, during the first and the last minute, and after.
pub async fn measure(figures: &mut Figures) {
    let lane = lane(1).await;
    let producer = lane.producer();
    let mut rates = Rounds::default();
    drain(&lane, &producer, (1, DRAINED)).await;
    for _ in 0..ROUNDS {
        rates.note("hour: drain before", drain(&lane, &producer, (1, DRAINED)).await);
    }
    let holding = open_transaction(&lane).await;
    for minute in 1..=MINUTES {
        one_minute(&producer).await;
        if [1, MINUTES].contains(&minute) {
            pickup(figures, &lane, minute).await;
        }
    }
    done(&lane).await;
    for _ in 0..ROUNDS {
        rates.note("hour: drain after", drain(&lane, &producer, (1, DRAINED)).await);
    }
    rates.add_to(figures, "jobs/s");
    sizes(figures, &lane, "after the hour").await;
    drop(holding);
}

async fn one_minute(producer: &Db) {
    let batch = vec![job(); AT_ONCE];
    let mut beat = tokio::time::interval(EVERY);
    for _ in 0..Duration::from_secs(60).div_duration_f64(EVERY) as usize {
        beat.tick().await;
        producer.tx(async |tx: Tx| jobs::enqueue_many(&tx, &batch, &Enqueue::now()).await).await.unwrap();
    }
}

/// Of the last half minute: what ended is read from its end.
async fn pickup(figures: &mut Figures, lane: &Lane, minute: u32) {
    let late: Vec<f64> = sqlx::query_scalar(PICKUP).fetch_all(lane.db().pool()).await.unwrap();
    for (what, at) in [("p50", 0.5), ("p99", 0.99)] {
        figures.add(&format!("hour: pickup in minute {minute}: {what}"), quantile(&late, at), "ms", "");
    }
}

const PICKUP: &str = "
select late from (select (extract(epoch from started_at - run_at) * 1000)::float8 as late from executions
                  where finished_at > now() - interval '30 seconds') ended order by late";
