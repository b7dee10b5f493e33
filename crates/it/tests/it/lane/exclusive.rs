//! Exclusive jobs: runs of one kind never overlap, whichever processes they are in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use jobs::{Attempt, Done, Engine, Enqueue, Failure, Job, Policy, Queue, Registry, Setup, Success};
use kernel::Clock;
use serde::{Deserialize, Serialize};
use store::Db;
use testkit::{Lane, LaneOptions};

#[derive(Clone, Default)]
struct Seen {
    runs: Arc<AtomicUsize>,
    at_once: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
}

#[derive(Serialize, Deserialize)]
struct Alone {}

impl Job for Alone {
    type Cx = Seen;
    const KIND: &'static str = "test.alone";
    const QUEUE: Queue = Queue::Bulk;
    const POLICY: Policy = Policy::DEFAULT.exclusive();

    async fn run(&self, seen: &Seen, _: &Attempt) -> Result<Done, Failure> {
        let now = seen.at_once.fetch_add(1, SeqCst) + 1;
        seen.most_at_once.fetch_max(now, SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        seen.at_once.fetch_sub(1, SeqCst);
        seen.runs.fetch_add(1, SeqCst);
        Ok(Done::Ok(Success::default()))
    }
}

/// An engine in this process, with connections of its own.
fn engine(lane: &Lane, seen: &Seen) -> Engine {
    let mut registry = Registry::default();
    registry.add::<Alone>(seen.clone());
    let config = lane.config().clone();
    let db = Db::lazy(&config.database, Clock::system()).unwrap();
    let process = uuid::Uuid::now_v7();
    Engine::start(Setup { db, redis: config.redis, engine: config.engine, registry, rng: lane.rng(), process }).unwrap()
}

#[tokio::test]
async fn exclusive_runs_do_not_overlap_even_in_two_processes() {
    let lane = Lane::start(LaneOptions { webs: 0, workers: 0, ..LaneOptions::default() }).await;
    let seen = Seen::default();
    let engines = [engine(&lane, &seen), engine(&lane, &seen)];
    for _ in 0..4 {
        lane.enqueue(&Alone {}, Enqueue::now()).await;
    }
    lane.eventually(Duration::from_secs(30), async || seen.runs.load(SeqCst) == 4).await;
    assert_eq!(seen.most_at_once.load(SeqCst), 1);
    for engine in engines {
        engine.stop(Duration::from_secs(5)).await;
    }
}
