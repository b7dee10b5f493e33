//! The reader's own account.

use serde_json::json;
use testkit::{PASSWORD, TestApp};

use crate::shelf::count;

#[tokio::test]
async fn a_reader_changes_the_time_zone_and_nothing_else() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let before = ann.get("/api/v1/me").await.expect(200).json();
    assert_eq!((&before["timezone"], &before["email"]), (&json!("UTC"), &json!(ann.email)));
    let after = ann.patch("/api/v1/me").json(json!({ "timezone": "Asia/Tokyo" })).await.expect(200).json();
    assert_eq!(after["timezone"], "Asia/Tokyo");
    assert_eq!(ann.get("/api/v1/me").await.expect(200).json(), after);
    for (change, pointer) in [(json!({ "timezone": "Nowhere" }), "/timezone"), (json!({ "role": "operator" }), "/role")]
    {
        let refused = ann.patch("/api/v1/me").json(change).await.expect_problem("validation-failed").json();
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_its_address_is_free_again() {
    let app = TestApp::start().await;
    let ann = app.register_and_verify("ann@example.org").await;
    let elsewhere = app.log_in("ann@example.org").await;
    ann.delete("/api/v1/me").await.expect(204);
    for session in [&ann, &elsewhere] {
        session.get("/api/v1/me").await.expect_problem("unauthenticated");
        let token = json!({ "refresh_token": session.refresh_token });
        app.post("/api/v1/auth/refresh").json(token).await.expect_problem("invalid-refresh-token");
    }
    let credentials = json!({ "email": "ann@example.org", "password": PASSWORD });
    app.post("/api/v1/auth/login").json(credentials).await.expect_problem("invalid-credentials");
    assert_eq!(count(&app, "select count(*) from users where row_to_json(users)::text like '%ann@%'").await, 0);
    let anew = app.register_and_verify("ann@example.org").await;
    assert_ne!(anew.id, ann.id);
}

#[tokio::test]
async fn a_deleted_account_gets_no_more_mail() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    app.post("/api/v1/auth/password/forgot").json(json!({ "email": ann.email })).await.expect(202);
    ann.delete("/api/v1/me").await.expect(204);
    app.drain_jobs().await;
    assert_eq!(app.mails().len(), 0);
}
