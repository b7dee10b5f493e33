//! A reader's request goes through web, Postgres, Redis and worker, whatever happens to the worker on the way.

use std::time::Duration;

use kernel::ExecutionId;
use serde_json::Value;
use testkit::Lane;

const PATIENCE: Duration = Duration::from_secs(20);

async fn get(lane: &Lane, path: &str, token: &str) -> (u16, Value) {
    let answer = lane.http().get(format!("{}{path}", lane.web(0).url())).bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Asks for the summary of the first book; returns the book's id and the task's.
async fn ask(lane: &Lane, token: &str) -> (String, ExecutionId) {
    let (_, found) = get(lane, "/api/v1/books?limit=1", token).await;
    let book = found["items"][0]["id"].as_str().unwrap().to_owned();
    let url = format!("{}/api/v1/books/{book}/summary", lane.web(0).url());
    let answer = lane.http().post(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let accepted: Value = answer.json().await.unwrap();
    (book, accepted["task_id"].as_str().unwrap().parse().unwrap())
}

async fn summaries(lane: &Lane) -> i64 {
    lane.count("select count(*) from summaries", []).await
}

#[tokio::test]
async fn a_request_ends_in_a_summary() {
    let lane = Lane::usual().await;
    let token = lane.log_in("reader").await;
    let (book, task) = ask(&lane, &token).await;
    let made = lane.wait_for(task, "succeeded", PATIENCE).await;
    assert_eq!(made.attempt, 1);
    let late = made.started_at.unwrap() - made.run_at;
    assert!(late >= chrono::TimeDelta::zero(), "started {late} early");
    let (status, summary) = get(&lane, &format!("/api/v1/books/{book}/summary"), &token).await;
    assert_eq!((status, &summary["engine"]), (200, &Value::from("built-in extractive")));
    assert_eq!(summaries(&lane).await, 1);
}

#[tokio::test]
async fn a_worker_that_is_killed_right_after_the_request_still_makes_one_summary() {
    let lane = Lane::usual().await;
    let token = lane.log_in("reader").await;
    let (_, task) = ask(&lane, &token).await;
    lane.worker(0).kill9();
    lane.worker(0).wait().await;
    lane.worker(0).restart().await;
    lane.wait_for(task, "succeeded", PATIENCE).await;
    assert_eq!(summaries(&lane).await, 1);
}

#[tokio::test]
async fn no_answer_says_what_it_was_made_with() {
    let lane = Lane::usual().await;
    let (web, worker) = (lane.web(0).url(), lane.worker(0).url());
    let asked = ["/api/v1/plans", "/api/v1/me", "/api/v1/nothing", "/docs/", "/openapi.json", "/readyz", "/metrics"];
    let asked = asked.map(|path| format!("{web}{path}")).into_iter();
    for url in asked.chain(["/readyz", "/metrics", "/nothing"].map(|path| format!("{worker}{path}"))) {
        let answer = lane.http().get(&url).send().await.unwrap();
        for name in ["server", "x-powered-by"] {
            assert_eq!(answer.headers().get(name), None, "{url}");
        }
    }
}
