//! Leases are kept while their jobs run, whatever else the process does.

use std::time::Duration;

use jobs::{Attempt, Done, Engine, Enqueue, Failure, Job, Noop, Registry, Setup, Steps, Success};
use kernel::{Clock, ExecutionId};
use serde::{Deserialize, Serialize};
use store::{Db, Sql};
use testkit::{Lane, LaneOptions};

/// Holds a connection for longer than the lease while it commits.
#[derive(Serialize, Deserialize)]
struct SlowCommit {}

impl Job for SlowCommit {
    type Cx = ();
    const KIND: &'static str = "test.slow_commit";

    async fn run(&self, (): &(), me: &Attempt) -> Result<Done, Failure> {
        me.commit(async |tx| {
            tx.run("select 1", []).await?; // a transaction begins with its first statement
            tokio::time::sleep(Duration::from_secs(4)).await;
            Ok(Success::default())
        })
        .await
    }
}

/// An engine in this process, whose jobs share so many connections.
fn engine(lane: &Lane, connections: u32) -> Engine {
    let mut config = lane.config().clone();
    config.database.max_connections = connections;
    let db = Db::lazy(&config.database, Clock::system()).unwrap();
    let mut registry = Registry::default();
    registry.add::<SlowCommit>(()).add::<Noop>(db.clone());
    let process = uuid::Uuid::now_v7();
    Engine::start(Setup { db, redis: config.redis, engine: config.engine, registry, rng: lane.rng(), process }).unwrap()
}

async fn all_succeed_at_once(lane: &Lane, ids: Vec<ExecutionId>) {
    for id in ids {
        let done = lane.wait_for(id, "succeeded", Duration::from_secs(20)).await;
        assert_eq!((done.attempt, done.errors), (1, serde_json::json!([])), "{}", done.kind);
    }
}

#[tokio::test]
async fn jobs_that_keep_every_connection_do_not_cost_others_their_lease() {
    let lane = Lane::start(LaneOptions { webs: 0, workers: 0, ..LaneOptions::default() }).await;
    let engine = engine(&lane, 4);
    let mut ids = vec![lane.enqueue(&Noop { sleep_ms: Some(5000), ..Noop::default() }, Enqueue::now()).await];
    for _ in 0..4 {
        ids.push(lane.enqueue(&SlowCommit {}, Enqueue::now()).await);
    }
    let elsewhere = Steps::new(lane.db().clone(), lane.config().engine.lease);
    let rescues = async {
        loop {
            assert!(elsewhere.rescue().await.unwrap().is_empty(), "another process takes them for dead");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = rescues => {}
        () = all_succeed_at_once(&lane, ids) => {}
    }
    engine.stop(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_long_commit_does_not_cost_other_jobs_their_lease() {
    let lane = Lane::start(LaneOptions { webs: 0, workers: 0, ..LaneOptions::default() }).await;
    let engine = engine(&lane, 16);
    let committing = lane.enqueue(&SlowCommit {}, Enqueue::now()).await;
    let running = lane.enqueue(&Noop { sleep_ms: Some(5000), ..Noop::default() }, Enqueue::now()).await;
    all_succeed_at_once(&lane, vec![committing, running]).await;
    engine.stop(Duration::from_secs(2)).await;
}
