//! The API's document and the pages to try it, served offline.

use testkit::TestApp;

#[tokio::test]
async fn the_document_is_served_and_the_pages_load_nothing_from_elsewhere() {
    let app = TestApp::start().await;
    let served = app.get("/openapi.json").await.expect(200).json();
    assert_eq!(served["openapi"], "3.1.0");
    let made = serde_json::to_value(app::openapi::document(app.parts())).unwrap();
    assert_eq!(served, made);
    let page = app.get("/docs/").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(!page.text().contains("https://"), "{}", page.text());
    assert!(page.header("content-security-policy").starts_with("default-src 'self'"));
}

#[tokio::test]
async fn answers_are_compressed_and_confirmed_when_asked_for() {
    let app = TestApp::start().await;
    let zipped = app.get("/openapi.json").header("accept-encoding", "gzip").await.expect(200);
    assert_eq!(zipped.header("content-encoding"), "gzip");
    let plain = app.get("/openapi.json").await.expect(200);
    assert!(zipped.body.len() < plain.body.len() / 2);
}

#[tokio::test]
async fn pages_of_other_origins_are_kept_out_unless_they_are_listed() {
    let origin = "https://books.example.org";
    let open = TestApp::with(|config| config.http.cors_origins = vec![origin.to_owned()]).await;
    let allowed = open.get("/api/v1/plans").header("origin", origin).await.expect(200);
    assert_eq!(allowed.header("access-control-allow-origin"), origin);
    let other = open.get("/api/v1/plans").header("origin", "https://evil.example.org").await.expect(200);
    assert_eq!(other.header("access-control-allow-origin"), "");
    let closed = TestApp::start().await;
    let refused = closed.get("/api/v1/plans").header("origin", origin).await.expect(200);
    assert_eq!(refused.header("access-control-allow-origin"), "");
}
