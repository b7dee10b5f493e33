//! Asking for a summary, waiting for it, reading it.

use std::time::Duration;

use futures::future::join_all;
use jobs::executions;
use serde_json::json;
use store::Tx;
use testkit::TestApp;

use crate::shelf::{DELAY, book, count, made, summary_of, used};

#[tokio::test]
async fn a_summary_is_asked_for_made_two_seconds_later_and_read() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let path = summary_of(book());
    ann.get(&path).await.expect_problem("summary-not-requested");

    let accepted = ann.post(&path).await.expect(202);
    let task = accepted.json();
    assert_eq!((&task["status"], &task["run_at"]), (&json!("scheduled"), &json!("2026-01-05T10:00:02Z")));
    assert_eq!(accepted.header("location"), format!("/api/v1/tasks/{}", task["task_id"].as_str().unwrap()));
    let waiting = ann.get(&path).await.expect(202);
    assert_eq!((waiting.json(), waiting.header("location")), (task.clone(), accepted.header("location")));

    assert_eq!(app.drain_jobs().await, 0, "it is not due");
    app.advance(DELAY);
    assert_eq!(ann.get(&path).await.expect(202).json()["status"], "queued");
    assert_eq!(app.drain_jobs().await, 1);

    let summary = ann.get(&path).await.expect(200).json();
    assert_eq!((&summary["engine"], &summary["model"]), (&json!("built-in extractive"), &json!(null)));
    assert_eq!((&summary["book_id"], &summary["created_at"]), (&json!(book()), &json!("2026-01-05T10:00:02Z")));
    for (part, least) in [("/key_insights", 3), ("/one_page/principles", 3), ("/one_page/takeaways", 3)] {
        assert!(summary.pointer(part).unwrap().as_array().unwrap().len() >= least, "{part}: {summary}");
    }
    for part in ["/main_argument/problem", "/main_argument/why_it_matters", "/one_page/bottom_line"] {
        assert!(!summary.pointer(part).unwrap().as_str().unwrap().is_empty(), "{part}: {summary}");
    }
    assert_eq!(ann.post(&path).await.expect(200).json(), summary, "it is there already");
    assert_eq!(used(&ann).await, 1);
}

#[tokio::test]
async fn a_summary_is_paid_for_once_per_reader() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let path = summary_of(book());
    let first = ann.post(&path).await.expect(202).json();
    let second = ann.post(&path).await.expect(202).json();
    assert_eq!(first["task_id"], second["task_id"]);
    app.drain_all_jobs().await;
    ann.post(&path).await.expect(200);
    assert_eq!(used(&ann).await, 1);
}

#[tokio::test]
async fn one_summary_is_made_however_many_readers_ask_at_once() {
    let app = TestApp::start().await;
    let mut readers = Vec::new();
    for _ in 0..8 {
        readers.push(app.reader().await);
    }
    let path = summary_of(book());
    // Everybody clicks twice.
    let answers = join_all(readers.iter().chain(&readers).map(|reader| reader.post(&path).send())).await;
    let tasks: Vec<_> = answers.into_iter().map(|answer| answer.expect(202).json()["task_id"].clone()).collect();
    assert!(tasks.iter().all(|task| *task == tasks[0]), "{tasks:?}");
    assert_eq!(app.executions("books.summarise").await.len(), 1);
    app.drain_all_jobs().await;
    assert_eq!(made(&app).await, 1);
    for reader in &readers {
        reader.get(&path).await.expect(200);
        assert_eq!(used(reader).await, 1);
    }
    let done = &app.executions("books.summarise").await[0];
    assert!(done.message.as_deref().unwrap().ends_with("readers waiting: 8"), "{done:?}");
}

#[tokio::test]
async fn a_summary_that_is_there_costs_the_next_reader_a_unit_and_no_work() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.reader().await, app.reader().await);
    let path = summary_of(book());
    ann.post(&path).await.expect(202);
    app.drain_all_jobs().await;
    bob.get(&path).await.expect_problem("summary-not-requested");
    bob.post(&path).await.expect(200);
    bob.get(&path).await.expect(200);
    assert_eq!((used(&bob).await, app.executions("books.summarise").await.len()), (1, 1));
}

#[tokio::test]
async fn asking_needs_a_reader_and_a_book() {
    let app = TestApp::start().await;
    app.post(&summary_of(book())).await.expect_problem("unauthenticated");
    app.get(&summary_of(book())).await.expect_problem("unauthenticated");
    let ann = app.reader().await;
    ann.post(&summary_of(uuid::Uuid::nil().into())).await.expect_problem("not-found");
    ann.post("/api/v1/books/walden/summary").await.expect_problem("validation-failed");
    assert_eq!((used(&ann).await, count(&app, "select count(*) from executions").await), (0, 0));
}

#[tokio::test]
async fn a_cancelled_summary_gives_the_unit_back_and_can_be_asked_for_again() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let path = summary_of(book());
    let task = ann.post(&path).await.expect(202).json()["task_id"].as_str().unwrap().parse().unwrap();
    app.db().tx(async |tx: Tx| executions::cancel(&tx, task, "an operator did not like it").await).await.unwrap();
    let refused = ann.get(&path).await.expect_problem("summary-not-requested").json();
    assert!(refused["detail"].as_str().unwrap().contains("could not be made"), "{refused}");

    // The minute's run gives units back that nobody else has given back.
    app.declare_schedules().await;
    app.advance(Duration::from_secs(60));
    app.tick().await;
    app.drain_jobs().await;
    assert_eq!(used(&ann).await, 0);

    let again = ann.post(&path).await.expect(202).json();
    assert_ne!(again["task_id"], task.to_string());
    app.drain_all_jobs().await;
    ann.get(&path).await.expect(200);
    assert_eq!(used(&ann).await, 1);
}

#[tokio::test]
async fn who_asks_again_after_a_cancellation_pays_once() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.reader().await, app.reader().await);
    let path = summary_of(book());
    let task = ann.post(&path).await.expect(202).json()["task_id"].as_str().unwrap().parse().unwrap();
    bob.post(&path).await.expect(202);
    app.db().tx(async |tx: Tx| executions::cancel(&tx, task, "no").await).await.unwrap();
    ann.post(&path).await.expect(202);
    assert_eq!((used(&ann).await, used(&bob).await), (1, 0));
    app.drain_all_jobs().await;
    ann.get(&path).await.expect(200);
    bob.get(&path).await.expect_problem("summary-not-requested");
}
