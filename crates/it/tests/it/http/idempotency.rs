//! `Idempotency-Key`: what is sent again is answered again, and done once.

use std::time::Duration;

use serde_json::json;
use testkit::TestApp;

use crate::shelf::{book, books, summary_of, used};

#[tokio::test]
async fn the_same_request_gets_the_same_answer_and_is_done_once() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let ask = || ann.post("/api/v1/trials").idempotency_key("k-1");
    let first = ask().await.expect(202);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = ask().await.expect(202);
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", first.json()));
    assert_eq!(again.header("location"), first.header("location"));
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    ann.post("/api/v1/trials").idempotency_key("k-2").await.expect_problem("trial-used");
    app.drain_all_jobs().await;
}

#[tokio::test]
async fn an_answer_is_given_again_even_when_a_new_request_would_get_another() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let path = summary_of(book());
    let first = ann.post(&path).idempotency_key("k").await.expect(202).json();
    app.drain_all_jobs().await;
    assert_eq!(ann.post(&path).idempotency_key("k").await.expect(202).json(), first);
    ann.post(&path).await.expect(200);
    assert_eq!(used(&ann).await, 1);
}

#[tokio::test]
async fn of_many_at_once_one_is_done() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let asks = (0..6).map(|_| ann.post("/api/v1/trials").idempotency_key("k").send());
    let answers = futures::future::join_all(asks).await;
    assert!(answers.iter().any(|answer| answer.status == 202), "{answers:?}");
    for answer in answers.into_iter().filter(|answer| answer.status != 202) {
        answer.expect_problem("idempotency-in-flight");
    }
    ann.post("/api/v1/trials").idempotency_key("k").await.expect(202);
    assert_eq!(app.executions("accounts.grant_trial").await.len(), 1);
    app.drain_all_jobs().await;
}

#[tokio::test]
async fn a_key_belongs_to_its_body_its_path_and_its_caller() {
    let app = TestApp::start().await;
    let (admin, ann, bob) = (app.admin().await, app.reader().await, app.reader().await);
    let grant = |body| admin.post("/api/v1/admin/trials").json(body).idempotency_key("k");
    grant(json!({ "audience": "all_free" })).await.expect(202);
    grant(json!({ "audience": "all_free", "x": 1 })).await.expect_problem("idempotency-key-reused");
    ann.post(&summary_of(book())).idempotency_key("k").await.expect(202);
    bob.post(&summary_of(book())).idempotency_key("k").await.expect(202);
    assert_eq!((used(&ann).await, used(&bob).await), (1, 1));
    app.drain_jobs().await; // now they are on the plan basic
    ann.post(&summary_of(books()[1])).idempotency_key("k").await.expect(202);
    assert_eq!(used(&ann).await, 2);
    app.drain_all_jobs().await;
}

#[tokio::test]
async fn a_refusal_is_remembered_and_a_key_lives_for_a_day() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    ann.set_plan("premium").await;
    ann.post("/api/v1/trials").idempotency_key("k").await.expect_problem("trial-not-free");
    ann.set_plan("free").await;
    ann.post("/api/v1/trials").idempotency_key("k").await.expect_problem("trial-not-free");
    app.advance(Duration::from_secs(24 * 3600));
    let ann = app.log_in(&ann.email).await;
    ann.post("/api/v1/trials").idempotency_key("k").await.expect(202);
    app.drain_all_jobs().await;
}

#[tokio::test]
async fn old_keys_are_forgotten_by_the_hourly_job() {
    let app = TestApp::start().await;
    app.declare_schedules().await;
    let ann = app.reader().await;
    ann.post("/api/v1/trials").idempotency_key("k").await.expect(202);
    let kept = async || crate::shelf::count(&app, "select count(*) from idempotency_keys").await;
    let one_hour_later = async || {
        app.advance(Duration::from_secs(3600));
        app.tick().await;
        app.drain_jobs().await;
    };
    one_hour_later().await;
    assert_eq!(kept().await, 1);
    app.advance(Duration::from_secs(24 * 3600));
    one_hour_later().await;
    assert_eq!(kept().await, 0);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    for key in ["", " ", "a b", &"x".repeat(256)] {
        let refused = ann.post("/api/v1/trials").idempotency_key(key).await.expect_problem("validation-failed").json();
        assert_eq!(refused["errors"][0]["pointer"], "/Idempotency-Key");
    }
}
