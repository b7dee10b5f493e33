//! Every refusal is a problem (RFC 9457), whoever in the stack refuses.

use axum::http::Method;
use serde_json::json;
use testkit::TestApp;

#[tokio::test]
async fn each_way_to_ask_wrongly_has_its_problem() {
    let app = TestApp::start().await;
    let login = || app.post("/api/v1/auth/login");
    app.get("/api/v1/nothing").await.expect_problem("not-found");
    app.get("/").await.expect_problem("not-found");
    let wrong_method = app.delete("/api/v1/plans").await.expect_problem("method-not-allowed");
    assert!(wrong_method.header("allow").contains("GET"), "{:?}", wrong_method.headers);
    let json = |text: &str| login().header("content-type", "application/json").body(text.to_owned());
    json("{").await.expect_problem("malformed-request");
    json("").await.expect_problem("malformed-request");
    login().body("{}").await.expect_problem("unsupported-media-type");
    login().header("content-type", "text/plain").body("{}").await.expect_problem("unsupported-media-type");
    json("{}").await.expect_problem("validation-failed");
    let large = json!({ "email": "x".repeat(300 * 1024), "password": "" });
    login().json(large).await.expect_problem("payload-too-large");
    app.get("/api/v1/me").await.expect_problem("unauthenticated");
    app.request(Method::from_bytes(b"BREW").unwrap(), "/api/v1/plans").await.expect_problem("method-not-allowed");
}

#[tokio::test]
async fn a_problem_names_its_request_and_the_answer_protects_itself() {
    let app = TestApp::start().await;
    let answer = app.get("/api/v1/nothing?q=secret").header("x-request-id", "mine-1").await.expect_problem("not-found");
    let problem = answer.json();
    assert_eq!((&problem["request_id"], &problem["instance"]), (&json!("mine-1"), &json!("/api/v1/nothing")));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    let unsafe_id = app.get("/api/v1/nothing").header("x-request-id", "a b\"c").await;
    assert_ne!(unsafe_id.header("x-request-id"), "a b\"c");
}

#[tokio::test]
async fn what_breaks_on_our_side_is_told_without_its_cause() {
    let app = TestApp::start().await;
    app.allow_error("request failed");
    sqlx::query("alter table books rename to shelved").execute(app.db().pool()).await.unwrap();
    let answer = app.get("/api/v1/books").await.expect_problem("internal-error");
    let members: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["instance", "request_id", "status", "title", "type"]);
    assert!(!answer.text().contains("relation") && !answer.text().contains("select"), "{}", answer.text());
}

#[tokio::test]
async fn without_postgres_the_api_is_unavailable_and_says_when_to_come_back() {
    let app = TestApp::start().await;
    app.get("/api/v1/books").await.expect(200);
    app.db().pool().close().await;
    let answer = app.get("/api/v1/books").await;
    assert!(["unavailable", "not-ready"].contains(&answer.problem().as_str()), "{}", answer.text());
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    app.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn the_kinds_of_problems_are_explained_where_their_type_points() {
    let app = TestApp::start().await;
    let all = app.get("/problems").await.expect(200).json();
    for kind in app::modules::problem_kinds() {
        let path = format!("/problems/{}", kind.slug);
        let shown = app.get(&path).await.expect(200).json();
        assert_eq!(shown, json!({ "type": path, "title": kind.title, "status": kind.status }));
        assert!(all["items"].as_array().unwrap().contains(&shown), "{path}");
    }
    app.get("/problems/nonsense").await.expect_problem("not-found");
}
