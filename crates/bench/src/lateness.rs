//! How soon an idle worker starts work, and how exactly it keeps the time of delayed work.

use std::time::Duration;

use jobs::{Enqueue, Noop};
use store::{Db, Tx};

use crate::{
    backlog::{done, lane, lateness},
    figures::{Figures, Rounds, quantile},
};

const ROUNDS: usize = 3;

/// Measures pickup at two rates and delays of two seconds.
pub async fn measure(figures: &mut Figures) {
    let lane = lane(1).await;
    let producer = lane.producer();
    steadily(&producer, 100, Duration::from_millis(10), Duration::ZERO).await; // connections, caches
    done(&lane).await;
    lateness(&lane).await;
    for (name, count, pause, delay) in [
        ("pickup at 50/s", 500, Duration::from_millis(20), Duration::ZERO),
        ("pickup at 300/s", 1500, Duration::from_micros(3_333), Duration::ZERO),
        ("delay of 2 s", 500, Duration::from_millis(5), Duration::from_secs(2)),
    ] {
        let mut rounds = Rounds::default();
        for _ in 0..ROUNDS {
            steadily(&producer, count, pause, delay).await;
            done(&lane).await;
            let late = lateness(&lane).await;
            assert!(late[0] >= 0.0, "one started {} ms early", -late[0]);
            for (what, at) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)] {
                rounds.note(format!("{name}: {what}"), quantile(&late, at));
            }
        }
        rounds.add_to(figures, "ms");
    }
}

async fn steadily(db: &Db, count: usize, pause: Duration, delay: Duration) {
    let mut beat = tokio::time::interval(pause);
    for _ in 0..count {
        beat.tick().await;
        let enqueue = Enqueue::after(delay);
        db.tx(async |tx: Tx| jobs::enqueue(&tx, &Noop::default(), enqueue.clone()).await).await.unwrap();
    }
}
