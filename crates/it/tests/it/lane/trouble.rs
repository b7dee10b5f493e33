//! Jobs that cannot be run or go wrong: recorded with a readable error, and the queue goes on.

use std::time::Duration;

use jobs::{Enqueue, Noop, Trouble};
use kernel::ExecutionId;
use store::Sql;
use testkit::Lane;

use super::effects::{drill, enqueue_over, running};

const PATIENCE: Duration = Duration::from_secs(15);

/// A row as a newer, older or broken version of the code may have left it.
async fn insert(lane: &Lane, kind: &str, args: serde_json::Value) -> ExecutionId {
    let id = ExecutionId::new();
    let values = [id.0.into(), kind.into(), args.into(), lane.db().clock().now().into()];
    let sql = "insert into executions (id, kind, queue, args, state, max_attempts, run_at, trigger, correlation_id, created_at)
               values ($1, $2, 'default', $3, 'queued', 1, $4, 'api', 'test', $4)";
    lane.db().conn().run(sql, values).await.unwrap();
    id
}

#[tokio::test]
async fn what_cannot_be_run_is_recorded_and_the_queue_goes_on() {
    let lane = Lane::usual().await;
    let producer = lane.producer();
    let unknown = insert(&lane, "nobody.knows", serde_json::json!({})).await;
    let unreadable = insert(&lane, "engine.noop", serde_json::json!({"sleep_ms": "a while"})).await;
    let panics = Noop { fail: Some(Trouble::Panic), ..Noop::default() };
    let panics = enqueue_over(&producer, &panics, Enqueue::now().max_attempts(1)).await.unwrap();
    let fatal = Noop { fail: Some(Trouble::Fatal), ..Noop::default() };
    let fatal = enqueue_over(&producer, &fatal, Enqueue::now()).await.unwrap();
    let expected = [
        (unknown, "unknown-job-kind", "no job of kind nobody.knows is registered"),
        (unreadable, "job-arguments", "the arguments of engine.noop cannot be read: invalid type: string \"a while\""),
        (panics, "job-panicked", "asked to panic"),
        (fatal, "internal-error", "asked to fail for good"),
    ];
    for (id, problem, words) in expected {
        let failed = lane.wait_for(id, "failed", PATIENCE).await;
        assert_eq!(failed.errors[0]["problem"], problem);
        let error = failed.errors[0]["error"].as_str().unwrap();
        assert!(error.contains(words), "{error}");
        assert_eq!(failed.attempt, 1);
    }
    let after = enqueue_over(&producer, &drill(0), Enqueue::now()).await.unwrap();
    lane.wait_for(after, "succeeded", PATIENCE).await;
}

/// Puts a ticket in line as apalis would find it.
async fn forge(lane: &Lane, ticket: &str, payload: &str) {
    let queue = format!("{{{}}}:queue:default", lane.config().redis.prefix);
    let mut pipe = redis::pipe();
    pipe.hset(format!("{queue}:data"), ticket, payload).ignore();
    pipe.hset_multiple(
        format!("{queue}:meta:{ticket}"),
        &[("attempts", "0"), ("max_attempts", "1"), ("status", "Pending")],
    )
    .ignore();
    pipe.rpush(format!("{queue}:active"), ticket).ignore();
    pipe.query_async::<()>(&mut lane.redis().connection().await).await.unwrap();
}

#[tokio::test]
async fn rubbish_in_redis_runs_nothing_and_stops_nothing() {
    let lane = Lane::usual().await;
    let forged = format!("{}@0", uuid::Uuid::now_v7());
    for (ticket, payload) in [("not-json", "{\"what\":"), ("forged", forged.as_str()), ("bytes", "\u{0}\u{1}")] {
        forge(&lane, ticket, payload).await;
    }
    let id = enqueue_over(&lane.producer(), &drill(0), Enqueue::now()).await.unwrap();
    lane.wait_for(id, "succeeded", PATIENCE).await;
    assert_eq!(lane.count("select count(*) from executions where kind = 'engine.noop'", []).await, 1);
}

#[tokio::test]
async fn a_forged_ticket_neither_hastens_nor_repeats_nor_doubles_a_job() {
    let lane = Lane::usual().await;
    let producer = lane.producer();
    let later = enqueue_over(&producer, &drill(0), Enqueue::after(Duration::from_secs(3600))).await.unwrap();
    let ended = enqueue_over(&producer, &drill(0), Enqueue::now()).await.unwrap();
    lane.wait_for(ended, "succeeded", PATIENCE).await;
    let long = enqueue_over(&producer, &drill(4_000), Enqueue::now()).await.unwrap();
    running(&lane, long).await;
    let before = stale_tickets(&lane).await;
    for (ticket, id) in [("later", later), ("ended", ended), ("long", long)] {
        forge(&lane, ticket, &format!("{id}@0")).await;
    }
    lane.eventually(PATIENCE, async || stale_tickets(&lane).await == before + 3).await;
    for (id, state, attempt) in [(later, "queued", 0), (ended, "succeeded", 1), (long, "running", 1)] {
        let found = lane.execution(id).await.unwrap();
        assert_eq!((found.state.as_str(), found.attempt), (state, attempt));
    }
    let done = lane.wait_for(long, "succeeded", PATIENCE).await;
    assert_eq!(done.attempt, 1);
    assert_eq!(lane.count("select count(*) from drill_effects", []).await, 2, "one for each that has run");
}

/// How many tickets the worker has looked at and found nothing to claim for.
async fn stale_tickets(lane: &Lane) -> u64 {
    let metrics = lane.http().get(format!("{}/metrics", lane.worker(0).url())).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("jobs_stale_tickets_total{queue=\"default\"} "));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn a_forged_cancellation_stops_nothing() {
    let lane = Lane::usual().await;
    let id = enqueue_over(&lane.producer(), &drill(2_000), Enqueue::now()).await.unwrap();
    running(&lane, id).await;
    let mut redis = lane.redis().connection().await;
    let channel = format!("{{{}}}:wake", lane.config().redis.prefix);
    let mut told = redis::cmd("PUBLISH");
    let heard: i64 = told.arg(channel).arg(format!("cancel:{id}")).query_async(&mut redis).await.unwrap();
    assert!(heard > 0, "the worker listens");
    let done = lane.wait_for(id, "succeeded", PATIENCE).await;
    assert_eq!(done.attempt, 1);
}

#[tokio::test]
async fn a_failing_job_is_tried_again_until_it_succeeds() {
    let lane = Lane::usual().await;
    let once = Noop { fail: Some(Trouble::Once), ..drill(0) };
    let id = enqueue_over(&lane.producer(), &once, Enqueue::now()).await.unwrap();
    let done = lane.wait_for(id, "succeeded", PATIENCE).await;
    assert_eq!((done.attempt, done.errors.as_array().map(Vec::len)), (2, Some(1)));
}

#[tokio::test]
async fn cancelling_ends_a_waiting_job_at_once_and_a_running_one_through_its_token() {
    let lane = Lane::start(testkit::LaneOptions::default().env("JOB_LEASE", "300s")).await;
    let producer = lane.producer();
    let waiting = enqueue_over(&producer, &drill(0), Enqueue::after(Duration::from_secs(3600))).await.unwrap();
    let long = enqueue_over(&producer, &drill(60_000), Enqueue::now()).await.unwrap();
    running(&lane, long).await;
    for id in [waiting, long] {
        producer.tx(async |tx: store::Tx| jobs::executions::cancel(&tx, id, "no longer wanted").await).await.unwrap();
    }
    assert_eq!(lane.execution(waiting).await.unwrap().state, "cancelled");
    // Not by the renewal of its lease, which is a hundred seconds away.
    lane.wait_for(long, "cancelled", Duration::from_secs(5)).await;
    let again = producer.tx(async |tx: store::Tx| jobs::executions::cancel(&tx, long, "").await).await;
    assert!(again.unwrap_err().is(&jobs::problems::NOT_POSSIBLE));
}
