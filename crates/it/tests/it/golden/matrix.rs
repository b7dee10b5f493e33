//! Every route of the document, asked by nobody and by each role.

use std::fmt::Write as _;

use axum::http::Method;
use serde_json::{Value, json};
use testkit::TestApp;

const ROLES: [&str; 4] = ["reader", "operator", "hr_admin", "system_admin"];

/// Whoever asks these has no session any more.
const FINAL: [(&str, &str); 2] = [("post", "/api/v1/auth/logout"), ("delete", "/api/v1/me")];

/// Method and path of every operation, and whether it is public.
fn operations(document: &Value) -> Vec<(String, String, bool)> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation.is_object() && operation.get("responses").is_some() {
                let public = operation["security"] == json!([{}]) || operation["security"] == json!([]);
                found.push((method.clone(), path.clone(), public));
            }
        }
    }
    found.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
    found
}

/// The status that `role` gets for a request without a useful body.
async fn status(app: &TestApp, (method, path): (&str, &str), token: Option<&str>) -> u16 {
    let path = path.replace("{id}", "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e").replace("{slug}", "not-found");
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let has_body = method == Method::POST || method == Method::PATCH;
    let mut request = app.request(method, &path);
    if has_body {
        request = request.json(json!({}));
    }
    if let Some(token) = token {
        request = request.bearer(token);
    }
    let answer = request.await;
    assert!(answer.status < 500, "{path}: {}", answer.text());
    if answer.status >= 400 {
        answer.problem();
    }
    answer.status
}

#[tokio::test]
async fn who_may_do_what() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.expect(200).json();
    let mut people = Vec::new();
    for role in ROLES {
        people.push(app.person(role).await);
    }
    let mut text = format!("{:<46} nobody reader operator hr_admin system_admin\n", "");
    for (method, path, public) in operations(&document) {
        let nobody = status(&app, (&method, &path), None).await;
        assert_eq!(nobody == 401, !public, "{method} {path} answers nobody {nobody}; public in the document: {public}");
        let mut row = format!("{:<46} {nobody:<6}", format!("{} {path}", method.to_uppercase()));
        for (role, person) in ROLES.iter().zip(&people) {
            let gone = FINAL.contains(&(method.as_str(), path.as_str()));
            let token = if gone { app.person(role).await.access_token } else { person.access_token.clone() };
            let status = status(&app, (&method, &path), Some(&token)).await;
            assert_ne!(status, 401, "{method} {path} as {role}");
            let width = role.len();
            let _ = write!(row, " {status:<width$}");
        }
        text += row.trim_end();
        text.push('\n');
    }
    insta::assert_snapshot!("who_may_do_what", text);
    app.drain_all_jobs().await;
}
