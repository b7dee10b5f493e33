//! A worker that is killed in the middle of its work, and started again: what is lost, what is done twice, how long it takes.

use std::time::{Duration, Instant};

use jobs::{Effect, Enqueue, Noop};
use store::Tx;

use crate::{
    backlog::{done, lane},
    figures::{Figures, Rounds},
};

const JOBS: usize = 100;
const ROUNDS: usize = 3;
/// All of them run by then, and none has ended: a worker runs more than these at a time.
const KILLED_AFTER: Duration = Duration::from_secs(1);

/// Measures with the default settings.
pub async fn measure(figures: &mut Figures) {
    let lane = lane(1).await;
    let producer = lane.producer();
    let jobs = vec![Noop { sleep_ms: Some(2_000), effect: Some(Effect::Row), ..Noop::default() }; JOBS];
    let (mut counts, mut times) = (Rounds::default(), Rounds::default());
    for round in 1..=ROUNDS {
        producer.tx(async |tx: Tx| jobs::enqueue_many(&tx, &jobs, &Enqueue::now()).await).await.unwrap();
        tokio::time::sleep(KILLED_AFTER).await;
        lane.worker(0).kill9();
        let began = Instant::now();
        lane.worker(0).restart().await;
        done(&lane).await;
        times.note("kill -9: done after the restart began", began.elapsed().as_secs_f64());
        counts.note("kill -9: lost", (JOBS * round) as f64 - lane.count(DONE, []).await as f64);
        counts.note("kill -9: done twice", lane.count(TWICE, []).await as f64);
    }
    counts.add_to(figures, "jobs");
    times.add_to(figures, "s");
}

const DONE: &str = "
select count(distinct e.id) from executions e join drill_effects on execution_id = e.id where state = 'succeeded'";
const TWICE: &str = "select count(*) - count(distinct execution_id) from drill_effects";
