//! Thousands of jobs that are due at one instant: when the last one starts, and how late they are.

use std::time::Duration;

use testkit::Lane;

use crate::{
    backlog::{done, enqueue, lane},
    figures::{Figures, Rounds, quantile},
};

const ROUNDS: usize = 3;

/// Measures 5 000 and 50 000.
pub async fn measure(figures: &mut Figures) {
    let lane = lane(1).await;
    let producer = lane.producer();
    let mut rounds = Rounds::default();
    for (jobs, names) in [
        (
            5_000,
            ["5 000 at one instant: last start", "5 000 at one instant: late p50", "5 000 at one instant: late p99"],
        ),
        (
            50_000,
            ["50 000 at one instant: last start", "50 000 at one instant: late p50", "50 000 at one instant: late p99"],
        ),
    ] {
        for _ in 0..ROUNDS {
            enqueue(&producer, jobs, Duration::from_secs(6 + jobs as u64 / 5_000)).await;
            done(&lane).await;
            let late = lateness(&lane).await;
            assert!(late[0] >= 0.0, "one started {} ms early", -late[0]);
            for (name, at) in names.iter().zip([1.0, 0.5, 0.99]) {
                rounds.note(name, quantile(&late, at));
            }
        }
    }
    rounds.add_to(figures, "ms");
}

/// Milliseconds from due to started, sorted; what was looked at is deleted.
async fn lateness(lane: &Lane) -> Vec<f64> {
    let late = sqlx::query_scalar(LATENESS).fetch_all(lane.db().pool()).await.unwrap();
    sqlx::query("delete from executions where kind = 'engine.noop'").execute(lane.db().pool()).await.unwrap();
    late
}

const LATENESS: &str = "
select (extract(epoch from started_at - run_at) * 1000)::float8 from executions where kind = 'engine.noop' order by 1";
