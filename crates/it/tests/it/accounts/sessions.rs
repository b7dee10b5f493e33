//! Sessions: access tokens for minutes, refresh tokens that work once.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, PASSWORD, TestApp};

async fn refresh(app: &TestApp, token: &str) -> Answer {
    app.post("/api/v1/auth/refresh").json(json!({ "refresh_token": token })).await
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let login = async |email: &str, password: &str| {
        let credentials = json!({ "email": email, "password": password });
        let mut problem =
            app.post("/api/v1/auth/login").json(credentials).await.expect_problem("invalid-credentials").json();
        problem.as_object_mut().unwrap().remove("request_id");
        problem
    };
    assert_eq!(login(&ann.email, "wrong password").await, login("nobody@example.org", PASSWORD).await);
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_for_the_next_one() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let second = refresh(&app, &ann.refresh_token).await.expect(200).json();
    assert_ne!(text(&second, "refresh_token"), ann.refresh_token);
    app.get("/api/v1/me").bearer(&text(&second, "access_token")).await.expect(200);
    refresh(&app, &text(&second, "refresh_token")).await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_ends_the_whole_session() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let elsewhere = app.log_in(&ann.email).await;
    let second = refresh(&app, &ann.refresh_token).await.expect(200).json();
    refresh(&app, &ann.refresh_token).await.expect_problem("invalid-refresh-token");
    refresh(&app, &text(&second, "refresh_token")).await.expect_problem("invalid-refresh-token");
    for token in [&ann.access_token, &text(&second, "access_token")] {
        app.get("/api/v1/me").bearer(token).await.expect_problem("unauthenticated");
    }
    elsewhere.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn of_two_who_use_a_refresh_token_at_once_one_gets_tokens_and_the_session_ends() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let (one, other) = tokio::join!(refresh(&app, &ann.refresh_token), refresh(&app, &ann.refresh_token));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    ann.get("/api/v1/me").await.expect_problem("unauthenticated");
}

#[tokio::test]
async fn logging_out_ends_the_session_and_no_other() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let elsewhere = app.log_in(&ann.email).await;
    ann.post("/api/v1/auth/logout").await.expect(204);
    ann.get("/api/v1/me").await.expect_problem("unauthenticated");
    refresh(&app, &ann.refresh_token).await.expect_problem("invalid-refresh-token");
    elsewhere.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn an_access_token_is_good_for_a_quarter_of_an_hour_and_a_refresh_token_for_thirty_days() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    app.advance(Duration::from_secs(14 * 60));
    ann.get("/api/v1/me").await.expect(200);
    app.advance(Duration::from_secs(2 * 60));
    let refused = ann.get("/api/v1/me").await.expect_problem("unauthenticated");
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    assert_eq!(refused.json()["detail"], "the access token has expired");
    let next = refresh(&app, &ann.refresh_token).await.expect(200).json();
    app.advance(Duration::from_secs(30 * 86_400));
    refresh(&app, &text(&next, "refresh_token")).await.expect_problem("invalid-refresh-token");
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_refused_and_other_schemes_are_nobody() {
    let app = TestApp::start().await;
    for token in ["", "x", "a.b.c"] {
        app.get("/api/v1/me").bearer(token).await.expect_problem("unauthenticated");
        // A token that is sent must be right, on public routes too.
        app.get("/api/v1/plans").bearer(token).await.expect_problem("unauthenticated");
    }
    app.get("/api/v1/plans").header("authorization", "Basic YTpi").await.expect(200);
    refresh(&app, "never given out").await.expect_problem("invalid-refresh-token");
}
