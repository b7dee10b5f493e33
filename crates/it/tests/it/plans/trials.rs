//! The trial that a reader asks for: some seconds later, once ever.

use std::time::Duration;

use serde_json::json;
use testkit::TestApp;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_free_reader_gets_basic_for_thirty_days_five_seconds_later_and_a_mail() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    ann.patch("/api/v1/me").json(json!({ "timezone": "Asia/Tokyo" })).await.expect(200);
    let accepted = ann.post("/api/v1/trials").await.expect(202);
    let task = accepted.json();
    assert_eq!((&task["status"], &task["run_at"]), (&json!("scheduled"), &json!("2026-01-05T10:00:05Z")));
    assert_eq!(accepted.header("location"), format!("/api/v1/tasks/{}", task["task_id"].as_str().unwrap()));

    app.advance(Duration::from_secs(4));
    assert_eq!(app.drain_jobs().await, 0);
    assert_eq!(ann.get("/api/v1/me/usage").await.expect(200).json()["plan"], "free");
    app.advance(Duration::from_secs(1));
    app.drain_jobs().await;

    let usage = ann.get("/api/v1/me/usage").await.expect(200).json();
    assert_eq!((&usage["plan"], &usage["trial_ends_at"]), (&json!("basic"), &json!("2026-02-04T10:00:05Z")));
    assert_eq!(usage["usage"]["summaries"]["limit"], 10);
    let mails = app.mails_to(&ann.email);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "Your basic trial has started");
    assert!(mails[0].text.contains("until 4 February 2026"), "{}", mails[0].text);
    let task = ann.get(accepted.header("location")).await.expect(200).json();
    assert_eq!((&task["status"], &task["progress"]), (&json!("succeeded"), &json!(100)));
}

#[tokio::test]
async fn a_trial_can_be_had_once_ever() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    ann.post("/api/v1/trials").await.expect(202);
    ann.post("/api/v1/trials").await.expect_problem("trial-used");
    app.drain_all_jobs().await;
    ann.post("/api/v1/trials").await.expect_problem("trial-used");
    app.advance(31 * DAY);
    let ann = app.log_in(&ann.email).await;
    // Nobody has tidied up yet: an ended trial counts as free at once.
    assert_eq!(ann.get("/api/v1/me/usage").await.expect(200).json()["plan"], "free");
    ann.post("/api/v1/trials").await.expect_problem("trial-used");
    assert_eq!(app.mails_to(&ann.email).len(), 1);
}

#[tokio::test]
async fn asking_twice_at_once_gives_one_trial() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let (one, other) = tokio::join!(ann.post("/api/v1/trials").send(), ann.post("/api/v1/trials").send());
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409]);
    app.drain_all_jobs().await;
    assert_eq!(app.mails_to(&ann.email).len(), 1);
}

#[tokio::test]
async fn who_pays_already_has_no_trial_and_keeps_it_for_later() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    ann.set_plan("premium").await;
    let refused = ann.post("/api/v1/trials").await.expect_problem("trial-not-free");
    assert_eq!(refused.json()["plan"], "premium");
    ann.set_plan("free").await;
    ann.post("/api/v1/trials").await.expect(202);
    app.drain_all_jobs().await;
}

#[tokio::test]
async fn who_subscribes_in_the_five_seconds_keeps_the_better_plan() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let accepted = ann.post("/api/v1/trials").await.expect(202);
    ann.set_plan("scholar").await;
    app.drain_all_jobs().await;
    assert_eq!(ann.get("/api/v1/me/usage").await.expect(200).json()["plan"], "scholar");
    assert_eq!(ann.get(accepted.header("location")).await.expect(200).json()["status"], "cancelled");
    assert_eq!(app.mails().len(), 0);
}

#[tokio::test]
async fn a_trial_whose_grant_was_cancelled_or_failed_can_be_asked_for_again() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    for state in ["cancelled", "failed"] {
        let accepted = ann.post("/api/v1/trials").await.expect(202).json();
        ann.post("/api/v1/trials").await.expect_problem("trial-used");
        sqlx::query("update executions set state = $2, finished_at = run_at where id = $1::uuid")
            .bind(accepted["task_id"].as_str().unwrap())
            .bind(state)
            .execute(app.db().pool())
            .await
            .unwrap();
    }
    ann.post("/api/v1/trials").await.expect(202);
    app.drain_all_jobs().await;
    assert_eq!(ann.get("/api/v1/me/usage").await.expect(200).json()["plan"], "basic");
    ann.post("/api/v1/trials").await.expect_problem("trial-used");
    assert_eq!(app.mails_to(&ann.email).len(), 1);
}

#[tokio::test]
async fn a_new_account_for_the_same_address_brings_no_second_trial() {
    let app = TestApp::start().await;
    let ann = app.register_and_verify("ann@example.org").await;
    ann.post("/api/v1/trials").await.expect(202);
    app.drain_all_jobs().await;
    for _ in 0..2 {
        let ann = app.log_in("ann@example.org").await;
        ann.delete("/api/v1/me").await.expect(204);
        app.advance(Duration::from_secs(3601)); // codes are counted by the hour
        let anew = app.register_and_verify("ann@example.org").await;
        anew.post("/api/v1/trials").await.expect_problem("trial-used");
    }
    app.admin().await.post("/api/v1/admin/trials").json(json!({ "audience": "all_free" })).await.expect(202);
    app.drain_all_jobs().await;
    let ann = app.log_in("ann@example.org").await;
    assert_eq!(ann.get("/api/v1/me/usage").await.expect(200).json()["plan"], "free");
    // Who had none may have one.
    ann.delete("/api/v1/me").await.expect(204);
    let bob = app.register_and_verify("bob@example.org").await;
    bob.delete("/api/v1/me").await.expect(204);
    let bob = app.register_and_verify("bob@example.org").await;
    bob.post("/api/v1/trials").await.expect(202);
    app.drain_all_jobs().await;
}

#[tokio::test]
async fn trials_are_for_readers() {
    let app = TestApp::start().await;
    for person in [app.operator().await, app.person("hr_admin").await, app.admin().await] {
        let refused = person.post("/api/v1/trials").await.expect_problem("forbidden").json();
        assert_eq!(refused["detail"], "trials are for readers");
    }
    assert_eq!(crate::shelf::count(&app, "select count(*) from trials").await, 0);
}
