//! Watching work: who may see a task, what it shows, and its events.

use axum::http::Method;
use jobs::{Enqueue, Noop};
use serde_json::{Value, json};
use testkit::{Reply, TestApp};

use crate::shelf::{DELAY, book, summary_of};

#[tokio::test]
async fn the_owner_whoever_waits_too_and_an_operator_see_a_task_and_nobody_else_learns_of_it() {
    let app = TestApp::start().await;
    let (ann, bob, eve) = (app.reader().await, app.reader().await, app.reader().await);
    let path = ann.post(&summary_of(book())).await.expect(202).header("location").to_owned();
    bob.post(&summary_of(book())).await.expect(202);
    for person in [&ann, &bob, &app.operator().await, &app.admin().await] {
        person.get(&path).await.expect(200);
    }
    for person in [&eve, &app.person("hr_admin").await] {
        person.get(&path).await.expect_problem("not-found");
        person.get(&format!("{path}/events")).await.expect_problem("not-found");
    }
    app.get(&path).await.expect_problem("unauthenticated");
    ann.get(&format!("/api/v1/tasks/{}", uuid::Uuid::nil())).await.expect_problem("not-found");
    ann.get("/api/v1/tasks/7").await.expect_problem("validation-failed");
    app.drain_all_jobs().await;
}

#[tokio::test]
async fn a_task_shows_its_way() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let path = ann.post(&summary_of(book())).await.expect(202).header("location").to_owned();
    let look = async || ann.get(&path).await.expect(200).json();
    let scheduled = look().await;
    assert_eq!((&scheduled["kind"], &scheduled["status"]), (&json!("books.summarise"), &json!("scheduled")));
    assert_eq!((&scheduled["attempt"], &scheduled["run_at"]), (&json!(0), &json!("2026-01-05T10:00:02Z")));
    assert_eq!((&scheduled["progress"], &scheduled["started_at"]), (&Value::Null, &Value::Null));
    app.advance(DELAY);
    assert_eq!(look().await["status"], "queued");
    app.drain_jobs().await;
    let done = look().await;
    assert_eq!((&done["status"], &done["progress"], &done["attempt"]), (&json!("succeeded"), &json!(100), &json!(1)));
    assert_eq!(done["finished_at"], "2026-01-05T10:00:02Z");
    assert_eq!(done["result_url"], summary_of(book()));
    ann.get(done["result_url"].as_str().unwrap()).await.expect(200);
}

#[tokio::test]
async fn a_failed_task_tells_the_kind_of_problem_and_none_of_our_own_troubles() {
    let app = TestApp::builder().gemini().start().await;
    app.allow_error("books.summarise");
    let ann = app.reader().await;
    app.fakes().gemini.answer(Reply::new(403, json!({ "error": { "status": "API_KEY_SERVICE_BLOCKED" } })));
    let path = ann.post(&summary_of(book())).await.expect(202).header("location").to_owned();
    app.drain_all_jobs().await;
    let shown = ann.get(&path).await.expect(200);
    assert_eq!(shown.json()["problem"]["type"], "/problems/upstream-refused");
    assert!(!shown.text().contains("API_KEY") && !shown.text().contains("Gemini"), "{}", shown.text());
}

#[tokio::test]
async fn events_tell_each_change_and_end_with_the_task() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let path = ann.post(&summary_of(book())).await.expect(202).header("location").to_owned() + "/events";
    let mut events = ann.get(&path).events().await;
    assert_eq!(events.headers["cache-control"], "no-store");
    assert_eq!(events.headers["x-accel-buffering"], "no");
    assert_eq!(events.next().await.unwrap()["status"], "scheduled");
    app.advance(DELAY);
    assert_eq!(events.next().await.unwrap()["status"], "queued");
    app.drain_jobs().await;
    let mut last = Value::Null;
    while let Some(event) = events.next().await {
        last = event; // it may have been seen running
    }
    assert_eq!((&last["status"], &last["result_url"]), (&json!("succeeded"), &json!(summary_of(book()))));

    let mut late = ann.get(&path).events().await;
    assert_eq!(late.next().await.unwrap()["status"], "succeeded");
    assert_eq!(late.next().await, None, "what is over is told once");
}

#[tokio::test]
async fn events_end_when_the_server_stops() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let path = ann.post(&summary_of(book())).await.expect(202).header("location").to_owned() + "/events";
    let mut events = ann.get(&path).events().await;
    assert_eq!(events.next().await.unwrap()["status"], "scheduled");
    app.begin_shutdown();
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn work_of_the_system_is_for_operators_only() {
    let app = TestApp::start().await;
    let (ann, operator) = (app.reader().await, app.operator().await);
    let id = app.enqueue(&Noop::default(), Enqueue::now().by("cli")).await;
    app.drain_jobs().await;
    let path = format!("/api/v1/tasks/{id}");
    ann.get(&path).await.expect_problem("not-found");
    assert_eq!(operator.get(&path).await.expect(200).json()["status"], "succeeded");
    app.request(Method::PUT, &path).bearer(&operator.access_token).await.expect_problem("method-not-allowed");
}
