//! Passwords that are forgotten or changed.

use serde_json::json;
use testkit::{Answer, PASSWORD, TestApp};

const NEW: &str = "another password";

async fn login(app: &TestApp, email: &str, password: &str) -> Answer {
    app.post("/api/v1/auth/login").json(json!({ "email": email, "password": password })).await
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_with_a_mailed_code_and_all_sessions_end() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    app.post("/api/v1/auth/password/forgot").json(json!({ "email": ann.email })).await.expect(202);
    app.drain_jobs().await;
    assert_eq!(app.mails()[0].subject, "Set a new password");
    let reset = json!({ "email": ann.email, "otp": app.code_for(&ann.email), "new_password": NEW });
    app.post("/api/v1/auth/password/reset").json(reset.clone()).await.expect(204);
    ann.get("/api/v1/me").await.expect_problem("unauthenticated");
    let token = json!({ "refresh_token": ann.refresh_token });
    app.post("/api/v1/auth/refresh").json(token).await.expect_problem("invalid-refresh-token");
    login(&app, &ann.email, PASSWORD).await.expect_problem("invalid-credentials");
    login(&app, &ann.email, NEW).await.expect(200);
    app.post("/api/v1/auth/password/reset").json(reset).await.expect_problem("invalid-code");
}

#[tokio::test]
async fn a_reset_confirms_an_address_too() {
    let app = TestApp::start().await;
    let email = "ann@example.org";
    app.post("/api/v1/auth/register").json(json!({ "email": email, "password": PASSWORD })).await.expect(201);
    app.post("/api/v1/auth/password/forgot").json(json!({ "email": email })).await.expect(202);
    app.drain_jobs().await;
    let reset = json!({ "email": email, "otp": app.code_for(email), "new_password": NEW });
    app.post("/api/v1/auth/password/reset").json(reset).await.expect(204);
    login(&app, email, NEW).await.expect(200);
}

#[tokio::test]
async fn changing_a_password_needs_the_present_one_and_ends_the_other_sessions() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let elsewhere = app.log_in(&ann.email).await;
    for (change, message) in [
        (json!({ "new_password": NEW }), "is required for a new password"),
        (json!({ "new_password": NEW, "current_password": "wrong" }), "is wrong"),
    ] {
        let refused = ann.patch("/api/v1/me").json(change).await.expect_problem("validation-failed").json();
        assert_eq!(refused["errors"], json!([{ "pointer": "/current_password", "message": message }]));
    }
    let change = json!({ "new_password": NEW, "current_password": PASSWORD });
    ann.patch("/api/v1/me").json(change).await.expect(200);
    ann.get("/api/v1/me").await.expect(200);
    elsewhere.get("/api/v1/me").await.expect_problem("unauthenticated");
    login(&app, &ann.email, PASSWORD).await.expect_problem("invalid-credentials");
    login(&app, &ann.email, NEW).await.expect(200);
}
