//! Quota: what a plan allows, exactly, and given back when nothing comes of it.

use futures::future::join_all;
use serde_json::json;
use testkit::{Reply, TestApp};

use crate::shelf::{book, books, count, made, summary_of, used};

#[tokio::test]
async fn when_the_quota_is_spent_the_answer_names_the_plan_and_nothing_is_enqueued() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    ann.post(&summary_of(books()[0])).await.expect(202);
    let refused = ann.post(&summary_of(books()[1])).await.expect_problem("usage-limit-reached").json();
    for (member, value) in [
        ("plan", json!("free")),
        ("feature", json!("summaries")),
        ("limit", json!(1)),
        ("used", json!(1)),
        ("period_ends_at", json!("2026-02-04T10:00:00Z")),
    ] {
        assert_eq!(refused[member], value, "{refused}");
    }
    assert!(refused["detail"].as_str().unwrap().contains("free"), "{refused}");
    assert_eq!(app.executions("books.summarise").await.len(), 1);
    app.drain_all_jobs().await;
    ann.get(&summary_of(books()[1])).await.expect_problem("summary-not-requested");
    ann.set_plan("basic").await;
    ann.post(&summary_of(books()[1])).await.expect(202);
    app.drain_all_jobs().await;
}

#[tokio::test]
async fn many_requests_at_once_do_not_pass_the_limit() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    ann.set_plan("basic").await;
    let answers = join_all(books().into_iter().take(16).map(|book| ann.post(&summary_of(book)).send())).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    let refused = answers.iter().filter(|answer| answer.status == 403).count();
    assert_eq!((accepted, refused, used(&ann).await), (10, 6, 10));
    assert_eq!(app.executions("books.summarise").await.len(), 10);
    app.drain_all_jobs().await;
    assert_eq!(made(&app).await, 10);
}

#[tokio::test]
async fn a_summary_that_cannot_be_made_is_given_back_to_everybody_once() {
    let app = TestApp::builder().gemini().start().await;
    app.allow_error("books.summarise");
    app.fakes().gemini.always(Reply::new(403, json!({ "error": { "status": "PERMISSION_DENIED" } })));
    let (ann, bob) = (app.reader().await, app.reader().await);
    let path = summary_of(book());
    let task = ann.post(&path).await.expect(202);
    bob.post(&path).await.expect(202);
    assert_eq!((used(&ann).await, used(&bob).await), (1, 1));
    app.drain_all_jobs().await;
    assert_eq!((used(&ann).await, used(&bob).await), (0, 0));

    let shown = ann.get(task.header("location")).await.expect(200).json();
    assert_eq!((&shown["status"], &shown["problem"]["type"]), (&json!("failed"), &json!("/problems/upstream-refused")));
    let refused = ann.get(&path).await.expect_problem("summary-not-requested").json();
    assert!(refused["detail"].as_str().unwrap().contains("given back"), "{refused}");
    assert_eq!(count(&app, "select count(*) from summary_requests where state = 'refunded'").await, 2);

    app.fakes().gemini.always(testkit::gemini_says(&crate::shelf::good_answer()));
    ann.post(&path).await.expect(202);
    app.drain_all_jobs().await;
    ann.get(&path).await.expect(200);
    assert_eq!((used(&ann).await, used(&bob).await), (1, 0));
}

#[tokio::test]
async fn a_refund_goes_to_the_period_that_was_paid_from() {
    let app = TestApp::builder().gemini().start().await;
    app.allow_error("books.summarise");
    app.fakes().gemini.always(Reply::new(403, json!({})));
    let ann = app.reader().await;
    ann.post(&summary_of(book())).await.expect(202);
    app.advance(std::time::Duration::from_secs(31 * 86_400));
    app.drain_all_jobs().await;
    let spent: Vec<i32> =
        sqlx::query_scalar("select used from usage_counters").fetch_all(app.db().pool()).await.unwrap();
    assert_eq!(spent, [0]);
}
