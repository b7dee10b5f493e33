//! From an address to an account.

use serde_json::json;
use testkit::{Answer, PASSWORD, TestApp};

#[tokio::test]
async fn a_reader_registers_confirms_the_address_and_is_logged_in() {
    let app = TestApp::start().await;
    let new = json!({ "email": " Ann@Example.org", "password": PASSWORD, "timezone": "Europe/Berlin" });
    let answer = app.post("/api/v1/auth/register").json(new).await.expect(201);
    assert_eq!(answer.header("location"), "/api/v1/me");
    let user = &answer.json()["user"];
    assert_eq!(user["email"], "ann@example.org");
    assert_eq!(
        (&user["timezone"], &user["role"], &user["plan"], &user["email_verified"]),
        (&json!("Europe/Berlin"), &json!("reader"), &json!("free"), &json!(false))
    );

    let credentials = json!({ "email": "ann@example.org", "password": PASSWORD });
    app.post("/api/v1/auth/login").json(credentials.clone()).await.expect_problem("email-not-verified");

    app.drain_jobs().await;
    let mails = app.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!((mails[0].to.as_str(), mails[0].subject.as_str()), ("ann@example.org", "Confirm your address"));
    let proof = json!({ "email": "ANN@example.org", "otp": app.code_for("ann@example.org") });
    let tokens = app.post("/api/v1/auth/verify-email").json(proof.clone()).await.expect(200).json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));
    let me = app.get("/api/v1/me").bearer(tokens["access_token"].as_str().unwrap()).await.expect(200).json();
    assert_eq!(
        (&me["email"], &me["timezone"], &me["email_verified"]),
        (&user["email"], &user["timezone"], &json!(true))
    );

    app.post("/api/v1/auth/verify-email").json(proof).await.expect_problem("invalid-code");
    app.post("/api/v1/auth/login").json(credentials).await.expect(200);
}

#[tokio::test]
async fn a_confirmed_address_is_taken_in_any_case() {
    let app = TestApp::start().await;
    app.register_and_verify("ann@example.org").await;
    let again = json!({ "email": "ANN@example.ORG", "password": PASSWORD });
    app.post("/api/v1/auth/register").json(again).await.expect_problem("email-taken");
}

async fn register(app: &TestApp, password: &str) -> Answer {
    app.post("/api/v1/auth/register").json(json!({ "email": "ann@example.org", "password": password })).await
}

async fn confirm(app: &TestApp) {
    app.drain_jobs().await;
    let proof = json!({ "email": "ann@example.org", "otp": app.code_for("ann@example.org") });
    app.post("/api/v1/auth/verify-email").json(proof).await.expect(200);
}

async fn log_in(app: &TestApp, password: &str) -> Answer {
    app.post("/api/v1/auth/login").json(json!({ "email": "ann@example.org", "password": password })).await
}

#[tokio::test]
async fn an_address_that_was_never_confirmed_can_be_registered_again_with_the_same_password() {
    let app = TestApp::start().await;
    register(&app, PASSWORD).await.expect(201);
    register(&app, PASSWORD).await.expect(201);
    confirm(&app).await;
    log_in(&app, PASSWORD).await.expect(200);
}

/// Ann types the newest code, and it may be the one of a stranger's registration.
#[tokio::test]
async fn a_stranger_who_registers_an_unconfirmed_address_too_never_gets_the_account() {
    for passwords in [[PASSWORD, "a stranger's"], ["a stranger's", PASSWORD], ["a stranger's", "a stranger's"]] {
        let app = TestApp::start().await;
        for password in passwords {
            register(&app, password).await.expect(201);
        }
        if !passwords.contains(&PASSWORD) {
            register(&app, PASSWORD).await.expect(201); // the third one: it counts as little as the second
        }
        confirm(&app).await;
        for password in [PASSWORD, "a stranger's"] {
            log_in(&app, password).await.expect_problem("invalid-credentials");
        }
        app.post("/api/v1/auth/password/forgot").json(json!({ "email": "ann@example.org" })).await.expect(202);
        app.drain_jobs().await;
        let code = app.code_for("ann@example.org");
        let new = json!({ "email": "ann@example.org", "otp": code, "new_password": "Ann's own" });
        app.post("/api/v1/auth/password/reset").json(new).await.expect(204);
        log_in(&app, "Ann's own").await.expect(200);
        log_in(&app, "a stranger's").await.expect_problem("invalid-credentials");
    }
}

#[tokio::test]
async fn registering_again_tells_nothing_of_the_registration_before() {
    let app = TestApp::start().await;
    let first = json!({ "email": "ann@example.org", "password": PASSWORD, "timezone": "Asia/Tokyo" });
    app.post("/api/v1/auth/register").json(first).await.expect(201);
    app.go_to("2026-01-05T11:00:00Z");
    let told = register(&app, "a stranger's").await.expect(201).json();
    let wanted = json!({ "user": { "email": "ann@example.org", "email_verified": false, "role": "reader",
        "timezone": "UTC", "plan": "free", "created_at": "2026-01-05T11:00:00Z" } });
    assert_eq!(told, wanted);
    app.drain_jobs().await;
}

#[tokio::test]
async fn of_two_who_register_an_address_at_once_one_account_comes_of_it() {
    let app = TestApp::start().await;
    let register =
        || app.post("/api/v1/auth/register").json(json!({ "email": "ann@example.org", "password": PASSWORD })).send();
    let answers = futures::future::join_all([register(), register(), register()]).await;
    assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status)), "{answers:?}");
    assert!(answers.iter().any(|answer| answer.status == 201), "{answers:?}");
    assert_eq!(crate::shelf::count(&app, "select count(*) from users").await, 1);
    app.drain_jobs().await;
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let app = TestApp::start().await;
    let wrong = async |body: serde_json::Value| {
        let answer = app.post("/api/v1/auth/register").json(body).await.expect_problem("validation-failed");
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(wrong(json!({ "email": "nobody", "password": "short" })).await, ["/email", "/password"]);
    assert_eq!(wrong(json!({ "email": "a@b.org", "password": PASSWORD, "timezone": "Mars" })).await, ["/timezone"]);
    assert_eq!(wrong(json!({ "email": "a@b.org", "password": PASSWORD, "role": "admin" })).await, ["/role"]);
    assert_eq!(wrong(json!({ "password": PASSWORD })).await, ["/email"]);
    assert_eq!(crate::shelf::count(&app, "select count(*) from users").await, 0);
}

/// Arguments and results can be read by operators.
#[tokio::test]
async fn neither_code_nor_address_nor_password_stands_in_an_execution_or_in_clear() {
    let app = TestApp::start().await;
    app.register_and_verify("ann@example.org").await;
    let code = app.code_for("ann@example.org");
    let rows: Vec<String> =
        sqlx::query_scalar("select row_to_json(e)::text from executions e").fetch_all(app.db().pool()).await.unwrap();
    assert_eq!(rows.len(), 1);
    let stored: Vec<String> = sqlx::query_scalar(
        "select row_to_json(c)::text from one_time_codes c union all select password_hash from users
         union all select row_to_json(t)::text from refresh_tokens t",
    )
    .fetch_all(app.db().pool())
    .await
    .unwrap();
    for row in rows.iter().chain(&stored) {
        for secret in [code.as_str(), "ann@example.org", PASSWORD] {
            assert!(!row.contains(&format!("\"{secret}\"")) && !row.contains(&format!(" {secret}")), "{row}");
        }
    }
    assert!(rows[0].contains("code_id"), "{}", rows[0]);
}
