//! One-time codes: six digits, ten minutes, five tries, the newest one only.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use testkit::{Answer, PASSWORD, TestApp};

const ANN: &str = "ann@example.org";
const MINUTE: Duration = Duration::from_secs(60);

async fn register(app: &TestApp) {
    app.post("/api/v1/auth/register").json(json!({ "email": ANN, "password": PASSWORD })).await.expect(201);
    app.drain_jobs().await;
}

async fn resend(app: &TestApp) {
    app.post("/api/v1/auth/resend-otp").json(json!({ "email": ANN })).await.expect(202);
    app.drain_jobs().await;
}

async fn verify(app: &TestApp, code: &str) -> Answer {
    app.post("/api/v1/auth/verify-email").json(json!({ "email": ANN, "otp": code })).await
}

/// Six digits that are not `code`.
fn other_than(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn after_five_wrong_tries_the_right_code_is_worthless_and_a_new_one_works() {
    let app = TestApp::start().await;
    register(&app).await;
    let code = app.code_for(ANN);
    for _ in 0..5 {
        verify(&app, &other_than(&code)).await.expect_problem("invalid-code");
    }
    verify(&app, &code).await.expect_problem("invalid-code");
    resend(&app).await;
    verify(&app, &app.code_for(ANN)).await.expect(200);
}

#[tokio::test]
async fn four_wrong_tries_are_forgiven() {
    let app = TestApp::start().await;
    register(&app).await;
    let code = app.code_for(ANN);
    for _ in 0..4 {
        verify(&app, &other_than(&code)).await.expect_problem("invalid-code");
    }
    verify(&app, &code).await.expect(200);
}

#[tokio::test]
async fn guessing_many_at_once_allows_no_sixth_try() {
    let app = TestApp::start().await;
    register(&app).await;
    let code = app.code_for(ANN);
    let wrong = other_than(&code);
    join_all((0..12).map(|_| async { verify(&app, &wrong).await.expect_problem("invalid-code") })).await;
    let tries: i16 =
        sqlx::query_scalar("select attempts from one_time_codes").fetch_one(app.db().pool()).await.unwrap();
    assert_eq!(tries, 5);
    verify(&app, &code).await.expect_problem("invalid-code");
}

#[tokio::test]
async fn a_new_code_voids_the_old_one() {
    let app = TestApp::start().await;
    register(&app).await;
    let old = app.code_for(ANN);
    resend(&app).await;
    let new = app.code_for(ANN);
    assert_ne!(old, new);
    verify(&app, &old).await.expect_problem("invalid-code");
    verify(&app, &new).await.expect(200);
}

#[tokio::test]
async fn a_code_is_good_for_ten_minutes() {
    let app = TestApp::start().await;
    register(&app).await;
    let first = app.code_for(ANN);
    app.go_to("2026-01-05T10:10:00Z");
    verify(&app, &first).await.expect_problem("invalid-code");
    resend(&app).await;
    app.go_to("2026-01-05T10:19:59Z");
    verify(&app, &app.code_for(ANN)).await.expect(200);
}

#[tokio::test]
async fn whether_an_address_has_an_account_is_not_told() {
    let app = TestApp::start().await;
    let known = app.reader().await;
    for path in ["/api/v1/auth/resend-otp", "/api/v1/auth/password/forgot"] {
        app.post(path).json(json!({ "email": "nobody@example.org" })).await.expect(202);
    }
    // A confirmed address needs no code.
    app.post("/api/v1/auth/resend-otp").json(json!({ "email": known.email })).await.expect(202);
    assert_eq!((app.drain_jobs().await, app.mails().len()), (0, 0));
}

#[tokio::test]
async fn an_account_gets_five_codes_an_hour_and_the_answer_does_not_tell() {
    let app = TestApp::start().await;
    register(&app).await;
    for _ in 0..6 {
        resend(&app).await;
    }
    assert_eq!(app.mails().len(), 5);
    app.advance(61 * MINUTE);
    resend(&app).await;
    assert_eq!(app.mails().len(), 6);
}

#[tokio::test]
async fn a_code_that_was_replaced_before_its_mail_left_is_not_mailed() {
    let app = TestApp::start().await;
    app.post("/api/v1/auth/register").json(json!({ "email": ANN, "password": PASSWORD })).await.expect(201);
    app.post("/api/v1/auth/resend-otp").json(json!({ "email": ANN })).await.expect(202);
    app.drain_jobs().await;
    assert_eq!(app.mails().len(), 1);
    let states: Vec<_> = app.executions("accounts.mail_code").await.into_iter().map(|row| row.state).collect();
    assert_eq!(states, ["cancelled", "succeeded"]);
    verify(&app, &app.code_for(ANN)).await.expect(200);
}

#[tokio::test]
async fn a_code_is_good_for_its_own_purpose_only() {
    let app = TestApp::start().await;
    register(&app).await;
    let reset = json!({ "email": ANN, "otp": app.code_for(ANN), "new_password": "another password" });
    app.post("/api/v1/auth/password/reset").json(reset).await.expect_problem("invalid-code");
}
