//! A worker that is killed in the middle of its work, and started again: what is lost, what is done twice, how long it takes.

use std::time::{Duration, Instant};

use jobs::{Effect, Enqueue, Noop};
use store::Tx;

use crate::{
    backlog::{done, lane},
    figures::Figures,
};

const JOBS: usize = 100;
/// All of them run by then.
const KILLED_AFTER: Duration = Duration::from_secs(1);

/// Measures with the default settings.
pub async fn measure(figures: &mut Figures) {
    let lane = lane(1).await;
    let jobs = vec![Noop { sleep_ms: Some(2_000), effect: Some(Effect::Row), ..Noop::default() }; JOBS];
    lane.producer().tx(async |tx: Tx| jobs::enqueue_many(&tx, &jobs, &Enqueue::now()).await).await.unwrap();
    tokio::time::sleep(KILLED_AFTER).await;
    lane.worker(0).kill9();
    lane.worker(0).restart().await;
    let began = Instant::now();
    done(&lane).await;
    let lost =
        lane.count("select count(*) from executions where kind = 'engine.noop' and state <> 'succeeded'", []).await;
    let twice = lane.count("select count(*) - count(distinct execution_id) from drill_effects", []).await;
    let note = format!("{JOBS} jobs of 2 s, killed after {} s", KILLED_AFTER.as_secs());
    figures.add("kill -9: lost", lost as f64, "jobs", note);
    figures.add("kill -9: done twice", twice as f64, "jobs", "effects");
    figures.add("kill -9: done after the restart", began.elapsed().as_secs_f64(), "s", "");
}
