//! How often may be asked: per address, per account, and of everything.

use std::time::Duration;

use serde_json::json;
use testkit::{Request, TestApp};

async fn strict() -> TestApp {
    TestApp::with(|config| config.http.auth_rate_limit_per_minute = 3).await
}

fn login(app: &TestApp, email: &str) -> Request {
    app.post("/api/v1/auth/login").json(json!({ "email": email, "password": "a wrong password" }))
}

#[tokio::test]
async fn an_address_is_slowed_down_whichever_accounts_it_tries() {
    let app = strict().await;
    for number in 0..3 {
        login(&app, &format!("reader{number}@example.org")).await.expect_problem("invalid-credentials");
    }
    let refused = login(&app, "another@example.org").await.expect_problem("rate-limited");
    assert_eq!(refused.header("retry-after"), "20");
    login(&app, "another@example.org").from(&TestApp::address(9)).await.expect_problem("invalid-credentials");
    app.advance(Duration::from_secs(20));
    login(&app, "another@example.org").await.expect_problem("invalid-credentials");
    login(&app, "another@example.org").await.expect_problem("rate-limited");
}

#[tokio::test]
async fn an_account_is_protected_from_whichever_address_it_is_tried() {
    let app = strict().await;
    for number in 0..3 {
        login(&app, "ann@example.org").from(&TestApp::address(number)).await.expect_problem("invalid-credentials");
    }
    login(&app, "ANN@example.org").from(&TestApp::address(3)).await.expect_problem("rate-limited");
    login(&app, "bob@example.org").from(&TestApp::address(3)).await.expect_problem("invalid-credentials");
}

#[tokio::test]
async fn each_auth_route_has_its_own_count() {
    let app = strict().await;
    for _ in 0..3 {
        login(&app, "ann@example.org").await.expect_problem("invalid-credentials");
    }
    login(&app, "ann@example.org").await.expect_problem("rate-limited");
    for (path, body) in [
        ("verify-email", json!({ "email": "ann@example.org", "otp": "123456" })),
        ("password/reset", json!({ "email": "ann@example.org", "otp": "123456", "new_password": "long enough" })),
    ] {
        let path = format!("/api/v1/auth/{path}");
        for _ in 0..3 {
            app.post(&path).json(body.clone()).await.expect_problem("invalid-code");
        }
        app.post(&path).json(body.clone()).await.expect_problem("rate-limited");
    }
}

#[tokio::test]
async fn the_whole_api_is_limited_per_address_and_health_is_not() {
    let app = TestApp::with(|config| config.http.rate_limit_per_minute = 5).await;
    for _ in 0..5 {
        app.get("/api/v1/plans").await.expect(200);
    }
    let refused = app.get("/api/v1/plans").await.expect_problem("rate-limited");
    assert_eq!(refused.header("retry-after"), "12");
    app.get("/healthz").await.expect(200);
    app.get("/api/v1/plans").from(&TestApp::address(1)).await.expect(200);
}

#[tokio::test]
async fn without_redis_limits_go_on_in_the_process() {
    let app = TestApp::with(|config| {
        config.http.rate_limit_per_minute = 2;
        config.redis.url = kernel::Secret::new("redis://127.0.0.1:1".to_owned());
    })
    .await;
    for _ in 0..2 {
        app.get("/api/v1/plans").await.expect(200);
    }
    app.get("/api/v1/plans").await.expect_problem("rate-limited");
}
