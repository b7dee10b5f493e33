//! Exclusive jobs: runs of one kind never overlap, whichever processes they are in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use jobs::{Attempt, Done, Engine, Enqueue, Failure, Job, OrFail, Policy, Queue, Registry, Setup, Success};
use kernel::{Clock, ExecutionId};
use redis::AsyncCommands;
use serde::{Deserialize, Serialize};
use store::{Db, Sql};
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

/// Its first attempt goes on until it is asked to stop; the next one leaves an effect.
#[derive(Serialize, Deserialize)]
struct Robbed {}

impl Job for Robbed {
    type Cx = Seen;
    const KIND: &'static str = "test.robbed";
    const QUEUE: Queue = Queue::Bulk;
    const POLICY: Policy = Policy::DEFAULT.exclusive();

    async fn run(&self, seen: &Seen, me: &Attempt) -> Result<Done, Failure> {
        if seen.runs.fetch_add(1, SeqCst) == 0 {
            seen.at_once.fetch_add(1, SeqCst);
            me.cancelled().cancelled().await;
            seen.at_once.fetch_sub(1, SeqCst);
            return Err(std::io::Error::other("interrupted")).or_retry();
        }
        me.commit(async |tx| {
            let values = [me.id().0.into(), i64::from(me.number()).into(), tx.now().into()];
            tx.run("insert into drill_effects (execution_id, attempt, at) values ($1, $2, $3)", values).await?;
            Ok(Success::default())
        })
        .await
    }
}

/// An engine in this process, with connections of its own.
fn engine(lane: &Lane, seen: &Seen) -> Engine {
    let mut registry = Registry::default();
    registry.add::<Alone>(seen.clone()).add::<Robbed>(seen.clone());
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

/// A lane on which a lock is renewed every two seconds.
async fn lane_with_a_long_lease() -> Lane {
    let options = LaneOptions { webs: 0, workers: 0, ..LaneOptions::default() };
    Lane::start(options.env("JOB_LEASE", "8s")).await
}

/// Starts a `Robbed`, does `rob` to its lock while it runs, and waits until it has stopped: at half its lease at the latest.
async fn rob(lane: &Lane, seen: &Seen, rob: redis::Cmd) -> ExecutionId {
    let id = lane.enqueue(&Robbed {}, Enqueue::now()).await;
    lane.eventually(Duration::from_secs(10), async || seen.at_once.load(SeqCst) == 1).await;
    let mut redis = lane.redis().connection().await;
    let held: Option<String> = redis.get(lock(lane)).await.unwrap();
    assert!(held.is_some(), "the run holds the lock");
    rob.exec_async(&mut redis).await.unwrap();
    lane.eventually(lane.config().engine.lease / 2, async || seen.at_once.load(SeqCst) == 0).await;
    id
}

fn lock(lane: &Lane) -> String {
    format!("{{{}}}:lock:{}", lane.config().redis.prefix, Robbed::KIND)
}

/// The run that was robbed is repeated, without a failure, and its effect stands once.
async fn is_done_once(lane: &Lane, id: ExecutionId) {
    let done = lane.wait_for(id, "succeeded", Duration::from_secs(10)).await;
    assert!(done.attempt > 1, "run again");
    assert_eq!(done.errors, serde_json::json!([]), "to be robbed is no failure");
    assert_eq!(lane.count("select count(*) from drill_effects", []).await, 1);
}

#[tokio::test]
async fn a_run_whose_lock_is_deleted_stops_within_its_lease_and_its_effect_stands_once() {
    let lane = lane_with_a_long_lease().await;
    let seen = Seen::default();
    let engine = engine(&lane, &seen);
    let id = rob(&lane, &seen, redis::Cmd::del(lock(&lane))).await;
    is_done_once(&lane, id).await;
    assert_eq!(seen.runs.load(SeqCst), 2);
    engine.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_run_whose_lock_is_taken_stops_within_its_lease_and_waits_until_the_thief_lets_go() {
    let lane = lane_with_a_long_lease().await;
    let seen = Seen::default();
    let engine = engine(&lane, &seen);
    let id = rob(&lane, &seen, redis::Cmd::set(lock(&lane), "a thief")).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await; // it looks again every second
    assert_eq!(seen.runs.load(SeqCst), 1, "it waits");
    let mut redis = lane.redis().connection().await;
    let kept: Option<String> = redis.get(lock(&lane)).await.unwrap();
    assert_eq!(kept.as_deref(), Some("a thief"), "who was robbed does not release another's lock");
    redis.del::<_, ()>(lock(&lane)).await.unwrap();
    is_done_once(&lane, id).await;
    engine.stop(Duration::from_secs(5)).await;
}
