//! How soon an idle worker starts work, and how exactly it keeps the time of delayed work.

use std::time::Duration;

use jobs::{Enqueue, Noop};
use store::{Db, Sql, Tx};
use testkit::Lane;

use crate::{
    backlog::lane,
    figures::{Figures, quantile},
};

/// Measures pickup at two rates and delays of two seconds.
pub async fn measure(figures: &mut Figures) {
    let lane = lane(1).await;
    let producer = lane.producer();
    steadily(&producer, 100, Duration::from_millis(10), Duration::ZERO).await; // connections, caches
    report(figures, &lane, "warm-up", false).await;
    steadily(&producer, 500, Duration::from_millis(20), Duration::ZERO).await;
    report(figures, &lane, "pickup at 50/s", true).await;
    steadily(&producer, 1500, Duration::from_micros(3_333), Duration::ZERO).await;
    report(figures, &lane, "pickup at 300/s", true).await;
    steadily(&producer, 500, Duration::from_millis(5), Duration::from_secs(2)).await;
    report(figures, &lane, "delay of 2 s", true).await;
}

async fn steadily(db: &Db, count: usize, pause: Duration, delay: Duration) {
    let mut beat = tokio::time::interval(pause);
    for _ in 0..count {
        beat.tick().await;
        let enqueue = Enqueue::after(delay);
        db.tx(async |tx: Tx| jobs::enqueue(&tx, &Noop::default(), enqueue.clone()).await).await.unwrap();
    }
}

const LATENESS: &str = "
select (extract(epoch from started_at - run_at) * 1000)::float8 as ms from executions where kind = 'engine.noop' order by 1";

async fn report(figures: &mut Figures, lane: &Lane, name: &str, keep: bool) {
    let open = "select count(*) from executions where state in ('queued', 'running') and kind = 'engine.noop'";
    while lane.count(open, []).await > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let late: Vec<f64> = sqlx::query_scalar(LATENESS).fetch_all(lane.db().pool()).await.unwrap();
    lane.db().conn().run("delete from executions where kind = 'engine.noop'", []).await.unwrap();
    if !keep {
        return;
    }
    let note = format!("p95 {:.1}, max {:.1}, earliest {:.1}", quantile(&late, 0.95), quantile(&late, 1.0), late[0]);
    figures.add(&format!("{name}: p50"), quantile(&late, 0.5), "ms", "");
    figures.add(&format!("{name}: p99"), quantile(&late, 0.99), "ms", note);
}
