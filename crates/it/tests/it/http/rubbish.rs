//! Anything at all where a token, a code, a key, a cursor, a version or a parameter belongs: refused, and never our own fault.

use axum::http::Method;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::{prelude::*, sample::select, test_runner::Config, test_runner::TestRunner};
use serde_json::{Value, json};
use testkit::TestApp;
use tokio::runtime::Runtime;

/// Percent-encoded values that some parser, or Postgres, stumbles over.
const AWKWARD: [&str; 16] = [
    "%00",
    "a%00b",
    "%FF%FE",
    "",
    "%27%3B--",
    "-1",
    "0",
    "99999999999999999999999999",
    "9223372036854775807",
    "1e308",
    "-262143-01-01T00:00:00Z",
    "%2B262142-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    "2026-01-05T10:00:00Z",
    "00000000-0000-0000-0000-000000000000",
    "%F0%9F%92%A9",
];

/// The reading operations, with the names of their query parameters.
fn reads(document: &Value) -> Vec<(String, Vec<String>)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let reads = paths.filter_map(|(path, methods)| Some((path, methods.get("get")?)));
    let named = |operation: &Value| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let queries = parameters.filter(|parameter| parameter["in"] == "query");
        queries.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    };
    reads.map(|(path, operation)| (path.clone(), named(operation))).collect()
}

fn filled(path: &str, with: &str) -> String {
    let mut parts = path.split('/').map(|part| if part.starts_with('{') { with } else { part });
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| path + "/" + part)
}

#[tokio::test]
async fn an_awkward_parameter_is_never_our_own_fault() {
    let app = TestApp::start().await;
    let admin = app.person("system_admin").await;
    let document = app.get("/openapi.json").await.expect(200).json();
    let mut faults = Vec::new();
    for (path, names) in reads(&document).into_iter().filter(|(path, _)| path.starts_with("/api/")) {
        let known = filled(&path, "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e");
        let queries = names.iter().flat_map(|name| AWKWARD.map(|value| format!("{known}?{name}={value}")));
        let paths = AWKWARD.iter().filter(|_| path.contains('{')).map(|value| filled(&path, value));
        for request in queries.chain(paths) {
            let answer = app.get(&request).bearer(&admin.access_token).await;
            if answer.status >= 500 {
                faults.push(format!("{request} answers {}", answer.status));
            }
        }
    }
    app.allow_error(""); // they are listed here
    assert!(faults.is_empty(), "{} of them:\n{}", faults.len(), faults.join("\n"));
}

/// A cursor that may have been made by hand: any JSON, near to what lists give out.
fn cursors() -> impl Strategy<Value = String> {
    let text = select(vec![
        "a\0b",
        "infinity",
        "-262143-01-01T00:00:00Z",
        "+262142-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "2026-01-05T10:00:00Z",
        "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e",
        "google",
        "",
    ]);
    let leaf = prop_oneof![
        4 => text.prop_map(Value::from),
        1 => "\\PC{0,8}".prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let json = prop_oneof![
        2 => leaf.clone(),
        4 => prop::collection::vec(leaf.clone(), 2..4).prop_map(Value::from),
        1 => (leaf.clone(), leaf.clone()).prop_map(|(key, id)| json!({"key": key, "id": id})),
        1 => (leaf.clone(), leaf).prop_map(|(at, id)| json!({"at": at, "id": id, "c": at, "n": id})),
    ];
    prop_oneof![4 => json.prop_map(|json| URL_SAFE_NO_PAD.encode(json.to_string())), 1 => "[A-Za-z0-9_=-]{0,40}"]
}

#[test]
fn any_token_code_key_cursor_or_version_is_refused_and_is_never_our_own_fault() {
    let runtime = Runtime::new().unwrap();
    let app = runtime.block_on(TestApp::start());
    let admin = runtime.block_on(app.person("system_admin"));
    let document = runtime.block_on(async { app.get("/openapi.json").await.json() });
    let lists: Vec<String> = reads(&document)
        .into_iter()
        .filter(|(_, names)| names.iter().any(|name| name == "cursor"))
        .map(|(path, _)| filled(&path, "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e"))
        .collect();
    assert!(lists.len() > 10, "{lists:?}");
    let usual = Config::default();
    let config = Config { cases: (usual.cases / 2).max(1), failure_persistence: None, ..usual };
    let outcome = TestRunner::new(config).run(&(cursors(), select(lists), "[!-~]{1,60}", "\\PC{0,40}"), |case| {
        let (cursor, list, header, text) = case;
        runtime.block_on(async {
            let page = app.get(&format!("{list}?cursor={cursor}")).bearer(&admin.access_token).await;
            prop_assert!(page.status < 500, "{list}?cursor={cursor} answers {}", page.status);
            for credential in [header.clone(), format!("bf_{header}"), format!("a.{header}.c")] {
                let status = app.get("/api/v1/me").bearer(&credential).await.status;
                prop_assert_eq!(status, 401, "{}", credential);
            }
            let nobody = "nobody@example.org";
            for (path, body) in [
                ("refresh", json!({ "refresh_token": text })),
                ("verify-email", json!({ "email": nobody, "otp": text })),
                ("password/reset", json!({ "email": nobody, "otp": text, "new_password": "correct horse battery" })),
                ("login", json!({ "email": text, "password": text })),
            ] {
                let status = app.post(&format!("/api/v1/auth/{path}")).json(body.clone()).await.status;
                prop_assert!((400..500).contains(&status), "{path} with {body} answers {status}");
            }
            let unknown = "/api/v1/schedules/0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e";
            let patch = app.request(Method::PATCH, unknown).bearer(&admin.access_token);
            let patch =
                patch.header("if-match", &header).header("idempotency-key", &header).json(json!({ "name": text }));
            let status = patch.await.status;
            prop_assert!((400..500).contains(&status), "If-Match: {header} answers {status}");
            Ok(())
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let _inside = runtime.enter();
    drop(app);
}
