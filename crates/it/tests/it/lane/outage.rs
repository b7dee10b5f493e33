//! Redis and Postgres go away under load: nothing is lost, nothing happens twice, and everything goes on by itself.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use testkit::{Backing, Lane, LaneOptions};

use super::effects::{load, nothing_lost_nothing_twice};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

async fn attempts_beyond_the_first(lane: &Lane) -> i64 {
    lane.count("select count(*) from executions where attempt > 1", []).await
}

#[tokio::test]
async fn flushall_under_load_loses_nothing() {
    let lane = Lane::usual().await;
    let producer = lane.producer();
    let (ids, ()) = tokio::join!(load(&producer, 300, PAUSE), async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            lane.redis().flushall().await;
        }
    });
    nothing_lost_nothing_twice(&lane, ids.len(), PATIENCE).await;
    assert_eq!(attempts_beyond_the_first(&lane).await, 0, "no attempt was wasted");
}

#[tokio::test]
async fn without_redis_requests_are_accepted_and_their_work_is_done_when_it_is_back() {
    let lane = Lane::usual().await;
    let producer = lane.producer();
    let token = lane.log_in("reader").await;
    let (ids, accepted) = tokio::join!(load(&producer, 300, PAUSE * 4), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        lane.redis().stop().await;
        let accepted = ask_for_a_summary(&lane, &token).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        lane.redis().start_again().await; // without its data
        accepted
    });
    assert_eq!(accepted.0, 202, "{}", accepted.1);
    let task = accepted.1["task_id"].as_str().unwrap().parse().unwrap();
    lane.wait_for(task, "succeeded", PATIENCE).await;
    nothing_lost_nothing_twice(&lane, ids.len(), PATIENCE).await;
    assert_eq!(attempts_beyond_the_first(&lane).await, 0, "no attempt was wasted");
}

#[tokio::test]
async fn with_a_full_redis_requests_are_accepted_and_their_work_is_done_when_it_has_room() {
    let lane = Lane::usual().await;
    let producer = lane.producer();
    let token = lane.log_in("reader").await;
    fill(&lane, true).await;
    let accepted = ask_for_a_summary(&lane, &token).await;
    assert_eq!(accepted.0, 202, "{}", accepted.1);
    let task = accepted.1["task_id"].as_str().unwrap().parse().unwrap();
    let ids = load(&producer, 20, PAUSE).await;
    tokio::time::sleep(Duration::from_secs(4)).await; // a summary is due after two
    for id in ids.iter().chain([&task]) {
        assert_eq!(lane.execution(*id).await.unwrap().state, "queued", "no ticket can be pushed");
    }
    fill(&lane, false).await;
    lane.wait_for(task, "succeeded", PATIENCE).await;
    nothing_lost_nothing_twice(&lane, ids.len(), PATIENCE).await;
    assert_eq!(attempts_beyond_the_first(&lane).await, 0, "no attempt was wasted");
}

/// Makes Redis refuse whatever needs memory, or take it again.
async fn fill(lane: &Lane, full: bool) {
    let mut config = redis::cmd("CONFIG");
    config.arg("SET").arg("maxmemory-policy").arg("noeviction").arg("maxmemory").arg(u8::from(full));
    let mut redis = lane.redis().connection().await;
    config.exec_async(&mut redis).await.unwrap();
    let refused = redis::cmd("SET").arg("one-more").arg(1).exec_async(&mut redis).await.is_err();
    assert_eq!(refused, full);
}

#[tokio::test]
async fn a_restart_of_redis_without_its_data_under_load_loses_nothing() {
    let lane = Lane::usual().await;
    let producer = lane.producer();
    let (ids, ()) = tokio::join!(load(&producer, 300, PAUSE), async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(800)).await;
            lane.redis().restart_empty().await;
        }
    });
    nothing_lost_nothing_twice(&lane, ids.len(), PATIENCE).await;
}

#[tokio::test]
async fn a_restart_of_postgres_under_load_answers_503_and_loses_nothing() {
    let lane = Lane::start(LaneOptions { postgres: Backing::Private, ..LaneOptions::default() }).await;
    let producer = lane.producer();
    let (ids, statuses) = tokio::join!(load(&producer, 300, PAUSE), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        lane.postgres().restart_fast().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        lane.postgres().restart_immediate().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        lane.postgres().stop().await;
        let statuses =
            [status(&lane, "/api/v1/books").await, status(&lane, "/readyz").await, status(&lane, "/healthz").await];
        lane.postgres().start_again().await;
        statuses
    });
    assert_eq!(statuses[0], (503, "unavailable".to_owned()), "a request while Postgres is away");
    assert_eq!((statuses[1].0, statuses[2].0), (503, 200), "not ready, but alive");
    nothing_lost_nothing_twice(&lane, ids.len(), PATIENCE).await;
    lane.eventually(PATIENCE, async || lane.web(0).is_ready().await && lane.worker(0).is_ready().await).await;
}

#[tokio::test]
async fn connections_that_ended_cost_a_job_its_claim_but_no_long_wait() {
    let lane = Lane::start(LaneOptions { webs: 0, ..LaneOptions::default() }).await;
    let producer = lane.producer();
    for _ in 0..3 {
        let mut admin = PgConnection::connect(lane.config().database.url.expose()).await.unwrap();
        sqlx::query(END_ALL).execute(&mut admin).await.unwrap();
        for id in load(&producer, 20, PAUSE).await {
            // The relay would look for a lost ticket after five seconds.
            lane.wait_for(id, "succeeded", Duration::from_secs(3)).await;
        }
    }
}

const END_ALL: &str = "
select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

/// The status of an answer and the last part of its problem's type.
async fn status(lane: &Lane, path: &str) -> (u16, String) {
    let answer = lane.http().get(format!("{}{path}", lane.web(0).url())).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: serde_json::Value = answer.json().await.unwrap_or_default();
    let kind = body["type"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
    (status, kind)
}

async fn ask_for_a_summary(lane: &Lane, token: &str) -> (u16, serde_json::Value) {
    let base = lane.web(0).url();
    let books: serde_json::Value =
        lane.http().get(format!("{base}/api/v1/books?limit=1")).send().await.unwrap().json().await.unwrap();
    let book = books["items"][0]["id"].as_str().unwrap();
    let url = format!("{base}/api/v1/books/{book}/summary");
    let answer = lane.http().post(url).bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}
