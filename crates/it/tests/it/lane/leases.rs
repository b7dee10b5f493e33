//! Leases are kept while their jobs run, whatever else the process does.

use std::time::Duration;

use jobs::{Attempt, Done, Engine, Enqueue, Failure, Job, Noop, Registry, Setup, Success};
use kernel::Clock;
use serde::{Deserialize, Serialize};
use store::Db;
use testkit::{Lane, LaneOptions};

/// Holds its row for longer than the lease while it commits.
#[derive(Serialize, Deserialize)]
struct SlowCommit {}

impl Job for SlowCommit {
    type Cx = ();
    const KIND: &'static str = "test.slow_commit";

    async fn run(&self, (): &(), me: &Attempt) -> Result<Done, Failure> {
        me.commit(async |_| {
            tokio::time::sleep(Duration::from_secs(4)).await;
            Ok(Success::default())
        })
        .await
    }
}

#[tokio::test]
async fn a_long_commit_does_not_cost_other_jobs_their_lease() {
    let lane = Lane::start(LaneOptions { webs: 0, workers: 0, ..LaneOptions::default() }).await;
    let config = lane.config().clone();
    let db = Db::lazy(&config.database, Clock::system()).unwrap();
    let mut registry = Registry::default();
    registry.add::<SlowCommit>(()).add::<Noop>(db.clone());
    let process = uuid::Uuid::now_v7();
    let setup = Setup { db, redis: config.redis, engine: config.engine, registry, rng: lane.rng(), process };
    let engine = Engine::start(setup).unwrap();
    let committing = lane.enqueue(&SlowCommit {}, Enqueue::now()).await;
    let running = lane.enqueue(&Noop { sleep_ms: Some(5000), ..Noop::default() }, Enqueue::now()).await;
    for id in [committing, running] {
        let done = lane.wait_for(id, "succeeded", Duration::from_secs(20)).await;
        assert_eq!((done.attempt, done.errors), (1, serde_json::json!([])), "{}", done.kind);
    }
    engine.stop(Duration::from_secs(2)).await;
}
