//! Thousands of jobs that are due at one instant: when the last one starts, and how late they are.

use std::time::Duration;

use crate::{
    backlog::{done, enqueue, lane, lateness},
    figures::{Figures, Rounds, quantile},
};

const ROUNDS: usize = 3;

/// Measures 5 000 and 50 000.
pub async fn measure(figures: &mut Figures) {
    let lane = lane(1).await;
    let producer = lane.producer();
    let mut rounds = Rounds::default();
    for (name, jobs) in [("5 000 at one instant", 5_000), ("50 000 at one instant", 50_000)] {
        for _ in 0..ROUNDS {
            enqueue(&producer, jobs, Duration::from_secs(6 + jobs as u64 / 5_000)).await;
            done(&lane).await;
            let late = lateness(&lane).await;
            assert!(late[0] >= 0.0, "one started {} ms early", -late[0]);
            for (what, at) in [("last start", 1.0), ("late p50", 0.5), ("late p99", 0.99)] {
                rounds.note(format!("{name}: {what}"), quantile(&late, at));
            }
        }
    }
    rounds.add_to(figures, "ms");
}
