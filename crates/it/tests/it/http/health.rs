//! Health: alive, ready, and how each dependency does.

use std::time::Duration;

use kernel::Secret;
use serde_json::json;
use testkit::TestApp;

#[tokio::test]
async fn a_process_that_is_well_says_so_everywhere() {
    let app = TestApp::start().await;
    for (path, word) in [("/healthz", "alive"), ("/live", "alive"), ("/readyz", "ready"), ("/ready", "ready")] {
        assert_eq!(app.get(path).await.expect(200).json(), json!({ "status": word }), "{path}");
    }
    let health = app.get("/health").await.expect(200).json();
    assert_eq!(health, json!({ "status": "up", "postgres": "up", "schema": "up", "redis": "up" }));
}

#[tokio::test]
async fn a_probe_is_answered_whatever_token_it_brings() {
    let app = TestApp::start().await;
    for path in ["/healthz", "/live", "/readyz", "/ready", "/health", "/metrics"] {
        app.get(path).bearer("expired").await.expect(200);
    }
    app.get("/health/detailed").bearer("expired").await.expect_problem("unauthenticated");
}

#[tokio::test]
async fn details_are_for_operators() {
    let app = TestApp::builder().gemini().google_books().start().await;
    app.get("/health/detailed").await.expect_problem("unauthenticated");
    app.reader().await.get("/health/detailed").await.expect_problem("forbidden");
    let detailed = app.operator().await.get("/health/detailed").await.expect(200).json();
    for part in ["postgres", "schema", "redis", "mail"] {
        let check = &detailed["dependencies"][part];
        assert_eq!(check["status"], "up", "{part}: {detailed}");
        assert!(check["latency_ms"].as_f64().unwrap() >= 0.0);
    }
    assert_eq!((&detailed["role"], &detailed["summarizer"]), (&json!("web"), &json!("gemini (gemini-flash-latest)")));
    assert_eq!(detailed["catalogue"], "google books");
}

#[tokio::test]
async fn without_redis_it_is_unwell_but_ready_and_requests_go_on() {
    let app = TestApp::with(|config| config.redis.url = Secret::new("redis://127.0.0.1:1".to_owned())).await;
    let health = app.get("/health").await.expect(503).json();
    assert_eq!(
        (&health["status"], &health["redis"], &health["postgres"]),
        (&json!("down"), &json!("down"), &json!("up"))
    );
    app.get("/readyz").await.expect(200);
    let ann = app.reader().await;
    ann.post(&crate::shelf::summary_of(crate::shelf::book())).await.expect(202);
}

#[tokio::test]
async fn an_older_schema_closes_the_api_until_it_is_current() {
    let app = TestApp::start().await;
    let forget =
        "update _sqlx_migrations set success = false where version = (select max(version) from _sqlx_migrations)";
    sqlx::query(forget).execute(app.db().pool()).await.unwrap();
    let unready = app.get("/readyz").await.expect_problem("schema-outdated").json();
    assert!(unready["detail"].as_str().unwrap().contains("migrations missing: 1"), "{unready}");
    app.get("/api/v1/plans").await.expect_problem("schema-outdated");
    app.get("/healthz").await.expect(200);
    sqlx::query("update _sqlx_migrations set success = true").execute(app.db().pool()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await; // an answer serves everybody for half a second
    app.get("/readyz").await.expect(200);
    app.get("/api/v1/plans").await.expect(200);
}

#[tokio::test]
async fn a_stopping_process_is_not_ready_but_answers() {
    let app = TestApp::start().await;
    app.begin_shutdown();
    app.get("/readyz").await.expect_problem("shutting-down");
    let answer = app.get("/api/v1/plans").await.expect(200);
    assert_eq!(answer.header("connection"), "close");
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_never_by_path() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/books/{}", crate::shelf::book());
    app.get(&path).await.expect(200);
    app.get("/no/such/path").await.expect_problem("not-found");
    let metrics = app.get("/metrics").await.expect(200);
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = metrics.text();
    let counted = r#"http_requests_total{method="GET",route="/api/v1/books/{id}",status="200"}"#;
    assert!(text.contains(counted), "{text}");
    assert!(!text.contains(&path) && !text.contains("/no/such/path"), "{text}");
}
