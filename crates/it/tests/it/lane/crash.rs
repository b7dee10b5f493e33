//! Workers that are killed, stopped, or stand still in the middle of a job.

use std::time::Duration;

use jobs::Enqueue;
use testkit::{Lane, LaneOptions};

use super::effects::{drill, enqueue_over, nothing_lost_nothing_twice, running};

const PATIENCE: Duration = Duration::from_secs(20);

fn two_workers() -> LaneOptions {
    LaneOptions { webs: 0, workers: 2, ..LaneOptions::default() }
}

/// Which of the two workers runs an execution; each logs its process id when it starts.
async fn holder(lane: &Lane, id: kernel::ExecutionId) -> usize {
    let worker = lane.execution(id).await.unwrap().worker.unwrap().to_string();
    (0..2).find(|index| lane.log(&format!("worker-{index}")).contains(&worker)).expect("one of the workers has it")
}

#[tokio::test]
async fn a_job_whose_worker_is_killed_runs_again_within_the_lease_and_its_effect_exists_once() {
    let lane = Lane::start(two_workers()).await;
    let id = enqueue_over(&lane.producer(), &drill(1500), Enqueue::now()).await.unwrap();
    running(&lane, id).await;
    let victim = holder(&lane, id).await;
    let killed = lane.db().clock().now();
    lane.worker(victim).kill9();
    let again = lane.wait_for(id, "succeeded", PATIENCE).await;
    assert_eq!(again.attempt, 2);
    let waited = again.started_at.unwrap() - killed;
    // The lease is 2 s and was renewed within the last two thirds of a second; the sweeper looks four times a second.
    assert!(waited <= chrono::TimeDelta::milliseconds(2750), "it ran again after {waited}");
    assert_eq!(again.errors[0]["problem"], "worker-died");
    nothing_lost_nothing_twice(&lane, 1, PATIENCE).await;
}

#[tokio::test]
async fn a_stalled_worker_cannot_complete_over_its_successor() {
    let lane = Lane::start(two_workers()).await;
    let id = enqueue_over(&lane.producer(), &drill(1000), Enqueue::now()).await.unwrap();
    running(&lane, id).await;
    let stalled = holder(&lane, id).await;
    lane.worker(stalled).sigstop();
    let done = lane.wait_for(id, "succeeded", PATIENCE).await;
    assert_eq!(done.attempt, 2);
    lane.worker(stalled).sigcont();
    let name = format!("worker-{stalled}");
    lane.eventually(PATIENCE, async || lane.log(&name).contains("lease")).await;
    let after = lane.execution(id).await.unwrap();
    assert_eq!((after.worker, after.finished_at), (done.worker, done.finished_at), "the successor's record stands");
    nothing_lost_nothing_twice(&lane, 1, PATIENCE).await;
}

#[tokio::test]
async fn a_stopping_worker_finishes_what_it_can_hands_the_rest_back_and_exits_in_order() {
    // A long lease: nothing here may wait for one to expire.
    let lane = Lane::start(two_workers().env("JOB_LEASE", "300s").env("SHUTDOWN_GRACE", "4s")).await;
    let producer = lane.producer();
    lane.worker(1).kill9();
    lane.worker(1).wait().await;
    let short = enqueue_over(&producer, &drill(1000), Enqueue::now()).await.unwrap();
    let long = enqueue_over(&producer, &drill(7000), Enqueue::now()).await.unwrap();
    running(&lane, short).await;
    running(&lane, long).await;
    lane.worker(1).restart().await;
    lane.worker(0).sigterm();
    let status = lane.worker(0).wait().await;
    assert_eq!(status.code(), Some(0), "{}", lane.log("worker-0"));
    let short = lane.execution(short).await.unwrap();
    assert_eq!((short.state.as_str(), short.attempt), ("succeeded", 1));
    let handed_back = lane.wait_for(long, "running", Duration::from_secs(3)).await;
    assert_eq!(handed_back.attempt, 2);
    assert_eq!(handed_back.errors, serde_json::json!([]), "a hand-back is not a failure");
    nothing_lost_nothing_twice(&lane, 2, PATIENCE).await;
}

#[tokio::test]
async fn an_idle_worker_stops_at_once() {
    let lane = Lane::usual().await;
    for service in [lane.worker(0), lane.web(0)] {
        let asked = std::time::Instant::now();
        service.sigterm();
        assert_eq!(service.wait().await.code(), Some(0), "{}", lane.log(service.name()));
        assert!(asked.elapsed() < Duration::from_secs(3), "{} took {:?}", service.name(), asked.elapsed());
    }
}

#[tokio::test]
async fn two_workers_and_three_tickets_make_one_run() {
    let lane = Lane::start(two_workers()).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(lane.enqueue(&drill(20), Enqueue::after(Duration::from_secs(4))).await);
    }
    // Each time the relay finds them without a ticket it pushes another one.
    for _ in 0..3 {
        lane.eventually(PATIENCE, async || {
            lane.count("select count(*) from executions where state = 'queued' and dispatched_at is null", []).await
                == 0
        })
        .await;
        store::Sql::run(lane.db().conn(), "update executions set dispatched_at = null where state = 'queued'", [])
            .await
            .unwrap();
    }
    nothing_lost_nothing_twice(&lane, ids.len(), PATIENCE).await;
    for id in ids {
        assert_eq!(lane.execution(id).await.unwrap().attempt, 1);
    }
    let mut stale = 0.0;
    for index in 0..2 {
        let metrics = lane
            .http()
            .get(format!("{}/metrics", lane.worker(index).url()))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let lines = metrics.lines().filter(|line| line.starts_with("jobs_stale_tickets_total"));
        stale += lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>();
    }
    assert!(stale >= 20.0, "the duplicates arrived and were stale: {stale}");
}
