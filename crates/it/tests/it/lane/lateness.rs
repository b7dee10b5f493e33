//! How soon work starts while the worker is idle. Measured properly by `cargo xtask bench`; here against regressions.

use std::time::Duration;

use jobs::{Enqueue, Noop};
use testkit::{Lane, LaneOptions};

use super::effects::enqueue_over;

const JOBS: usize = 100;
/// The machine is shared: one calm round of three is enough.
const ROUNDS: usize = 3;

/// Milliseconds from due to started, sorted.
async fn lateness(lane: &Lane, delay: Duration) -> Vec<f64> {
    let producer = lane.producer();
    let mut ids = Vec::new();
    for _ in 0..JOBS {
        ids.push(enqueue_over(&producer, &Noop::default(), Enqueue::after(delay)).await.unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut late = Vec::new();
    for id in ids {
        let done = lane.wait_for(id, "succeeded", delay + Duration::from_secs(5)).await;
        let lateness = done.started_at.unwrap() - done.run_at;
        late.push(lateness.num_microseconds().unwrap() as f64 / 1000.0);
    }
    late.sort_by(f64::total_cmp);
    late
}

async fn some_round_is_within(lane: &Lane, delay: Duration, (p50, p99): (f64, f64)) {
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        let late = lateness(lane, delay).await;
        assert!(late[0] >= 0.0, "started {} ms early", -late[0]);
        let round = (late[JOBS / 2], late[JOBS * 99 / 100]);
        if round.0 <= p50 && round.1 <= p99 {
            return;
        }
        seen.push(round);
    }
    panic!("p50 and p99 in ms, round by round: {seen:?}");
}

#[tokio::test]
async fn an_idle_worker_starts_work_at_once_and_delayed_work_on_time() {
    let lane = Lane::start(LaneOptions { webs: 0, ..LaneOptions::default() }).await;
    lateness(&lane, Duration::ZERO).await; // connections, caches
    some_round_is_within(&lane, Duration::ZERO, (15.0, 60.0)).await;
    some_round_is_within(&lane, Duration::from_secs(2), (50.0, 100.0)).await;
}
