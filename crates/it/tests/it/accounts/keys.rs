//! API keys: shown once, scoped, rotated, expired and revoked.

use std::{collections::BTreeSet, time::Duration};

use accounts::NewKey;
use axum::http::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use testkit::{Answer, Person, START, TestApp};

use crate::shelf::count;

const PATH: &str = "/api/v1/api-keys";

async fn made(admin: &Person<'_>, name: &str, scopes: &[&str]) -> Value {
    admin.post(PATH).json(json!({ "name": name, "scopes": scopes })).await.expect(201).json()
}

fn text<'a>(made: &'a Value, member: &str) -> &'a str {
    made[member].as_str().unwrap_or_else(|| panic!("no {member} in {made}"))
}

fn one(key: &Value) -> String {
    format!("{PATH}/{}", text(key, "id"))
}

/// A request that needs `audit.read`.
async fn with_key(app: &TestApp, key: &Value) -> Answer {
    app.get("/api/v1/audit").bearer(text(key, "key")).await
}

async fn refusal(app: &TestApp, key: &Value) -> String {
    with_key(app, key).await.expect_problem("unauthenticated").json()["detail"].as_str().unwrap().to_owned()
}

async fn run(app: &TestApp, sql: String) {
    sqlx::query(AssertSqlSafe(sql)).execute(app.db().pool()).await.unwrap();
}

#[tokio::test]
async fn a_key_is_shown_once_and_lets_a_service_in() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let answer = admin.post(PATH).json(json!({ "name": "billing", "scopes": ["audit.read"] })).await.expect(201);
    let key = answer.json();
    assert_eq!((answer.header("location"), answer.header("etag")), (one(&key).as_str(), "\"1\""));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(text(&key, "key").starts_with(text(&key, "prefix")) && text(&key, "prefix").starts_with("bf_"), "{key}");
    assert_eq!((&key["status"], &key["scopes"]), (&json!("active"), &json!(["audit.read"])));
    assert_eq!(key["owner_id"], json!(admin.id));

    with_key(&app, &key).await.expect(200);
    let shown = admin.get(&one(&key)).await.expect(200);
    assert_eq!(shown.header("etag"), "\"1\"");
    assert_eq!(shown.json()["last_used_at"], json!(START));
    let listed = admin.get(PATH).await.expect(200).json();
    assert_eq!(listed["items"], json!([shown.json()]));
    assert!(shown.json().get("key").is_none() && !listed.to_string().contains(text(&key, "key")));
}

#[tokio::test]
async fn a_key_stands_in_no_table_and_no_log() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let create = admin.post(PATH).idempotency_key("k").json(json!({ "name": "billing", "scopes": ["audit.read"] }));
    let mut keys = vec![create.await.expect(201).json()];
    app.never_logs(&secret(&keys[0]));
    with_key(&app, &keys[0]).await.expect(200);
    let rotated = admin.post(&format!("{}/rotate", one(&keys[0]))).idempotency_key("r").await.expect(200).json();
    app.never_logs(&secret(&rotated));
    with_key(&app, &rotated).await.expect(200);
    with_key(&app, &keys[0]).await.expect(401);
    app.get("/api/v1/me").bearer(text(&rotated, "key")).await.expect(403);
    keys.push(rotated);

    let tables: Vec<String> = sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
        .fetch_all(app.db().pool())
        .await
        .unwrap();
    assert!(tables.contains(&"api_keys".to_owned()) && tables.contains(&"audit_log".to_owned()), "{tables:?}");
    for table in tables {
        let all = format!("select coalesce(string_agg(t::text, ' '), '') from \"{table}\" t");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(all)).fetch_one(app.db().pool()).await.unwrap();
        for key in &keys {
            assert!(!rows.contains(&secret(key)), "{table} has it: {rows}");
        }
    }
}

/// The random part of a key.
fn secret(key: &Value) -> String {
    text(key, "key")[35..99].to_owned()
}

#[tokio::test]
async fn scopes_are_of_the_makers_own_permissions() {
    let app = TestApp::start().await;
    run(&app, "insert into role_permissions (role, permission) values ('operator', 'noise.make')".to_owned()).await;
    let admin = app.admin().await;
    let wrong = json!({ "name": "x", "scopes": ["audit.read", "nothing.real", "api_key.admin", "noise.make"] });
    let refused = admin.post(PATH).json(wrong).await.expect_problem("validation-failed").json();
    let wanted = json!([
        { "pointer": "/scopes/1", "message": "is not a permission that exists" },
        { "pointer": "/scopes/2", "message": "cannot be given: a key never manages keys" },
        { "pointer": "/scopes/3", "message": "is not one of your own permissions" },
    ]);
    assert_eq!(refused["errors"], wanted);
    for (new, pointer) in [
        (json!({ "name": "x", "scopes": [] }), "/scopes"),
        (json!({ "name": " x", "scopes": ["audit.read"] }), "/name"),
        (json!({ "name": "", "scopes": ["audit.read"] }), "/name"),
        (json!({ "name": "x", "scopes": ["audit.read"], "expires_at": START }), "/expires_at"),
        (json!({ "name": "x", "scopes": ["audit.read"], "secret": "mine" }), "/secret"),
    ] {
        let refused = admin.post(PATH).json(new).await.expect_problem("validation-failed").json();
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    assert_eq!(count(&app, "select count(*) from api_keys").await, 0);
    let twice = made(&admin, "x", &["health.read", "audit.read", "health.read"]).await;
    assert_eq!(twice["scopes"], json!(["audit.read", "health.read"]));
}

#[tokio::test]
async fn only_the_permission_makes_keys_and_a_key_never_does() {
    let app = TestApp::start().await;
    let (admin, operator) = (app.admin().await, app.operator().await);
    operator.post(PATH).json(json!({ "name": 7 })).await.expect_problem("forbidden");
    let key = made(&admin, "x", &["audit.read"]).await;
    // Even if somebody wrote it into the row.
    run(&app, "update api_keys set scopes = '{api_key.admin,audit.read}'".to_owned()).await;
    let bearer = |method: Method, path: &str| app.request(method, path).bearer(text(&key, "key"));
    for (method, path) in [
        (Method::GET, PATH.to_owned()),
        (Method::POST, PATH.to_owned()),
        (Method::GET, one(&key)),
        (Method::PATCH, one(&key)),
        (Method::DELETE, one(&key)),
        (Method::POST, format!("{}/rotate", one(&key))),
    ] {
        bearer(method, &path).json(json!({})).await.expect_problem("forbidden");
    }
    with_key(&app, &key).await.expect(200);
}

/// Whatever is added later: what needs no permission is for people, and the rest needs one that the key has.
#[tokio::test]
async fn a_key_does_nothing_that_its_scopes_do_not_name() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let key = made(&admin, "x", &["user.admin"]).await;
    let document = app.get("/openapi.json").await.expect(200).json();
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let public = operation["security"] == json!([{}]) || operation["security"] == json!([]);
            if public || operation.get("responses").is_none() {
                continue;
            }
            let path: Vec<&str> =
                path.split('/').map(|part| if part.starts_with('{') { text(&key, "id") } else { part }).collect();
            let (path, method) = (path.join("/"), Method::from_bytes(method.to_uppercase().as_bytes()).unwrap());
            let answer = app.request(method.clone(), &path).bearer(text(&key, "key")).json(json!({})).await;
            let wanted: &[u16] = if path.starts_with("/api/v1/tasks/") { &[404] } else { &[403] };
            assert!(wanted.contains(&answer.status), "{method} {path}: {}", answer.text());
            asked += 1;
        }
    }
    assert!(asked > 10, "{asked}");
}

#[tokio::test]
async fn a_rotated_key_works_for_the_grace_that_was_asked_for() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let first = made(&admin, "x", &["audit.read"]).await;
    let rotate = async |body: Value| admin.post(&format!("{}/rotate", one(&first))).json(body).await;
    let second = rotate(json!({ "grace_seconds": 60 })).await.expect(200).json();
    assert_eq!((text(&second, "id"), text(&second, "prefix")), (text(&first, "id"), text(&first, "prefix")));
    assert_ne!(text(&second, "key"), text(&first, "key"));
    assert_eq!(second["previous_until"], json!(START + Duration::from_secs(60)));
    for key in [&first, &second] {
        with_key(&app, key).await.expect(200);
    }
    app.advance(Duration::from_secs(60));
    assert_eq!(refusal(&app, &first).await, "the API key is not valid");
    with_key(&app, &second).await.expect(200);

    let third = rotate(Value::Null).await.expect(200).json();
    assert_eq!(refusal(&app, &second).await, "the API key is not valid");
    // Of two rotations in a row the second one ends the grace of the first.
    let fourth = rotate(json!({ "grace_seconds": 86_400 })).await.expect(200).json();
    let fifth = rotate(json!({ "grace_seconds": 86_400 })).await.expect(200).json();
    with_key(&app, &third).await.expect(401);
    for key in [&fourth, &fifth] {
        with_key(&app, key).await.expect(200);
    }
    let refused = rotate(json!({ "grace_seconds": 86_401 })).await.expect_problem("validation-failed").json();
    assert_eq!(refused["errors"][0]["pointer"], "/grace_seconds");
}

#[tokio::test]
async fn an_expired_key_stops_and_can_be_given_more_time() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let new = json!({ "name": "x", "scopes": ["audit.read"], "expires_at": START + Duration::from_secs(3600) });
    let key = admin.post(PATH).json(new).await.expect(201).json();
    app.advance(Duration::from_secs(3599));
    with_key(&app, &key).await.expect(200);
    app.advance(Duration::from_secs(1));
    assert_eq!(refusal(&app, &key).await, "the API key has expired");
    let admin = app.log_in(&admin.email).await;
    assert_eq!(admin.get(&one(&key)).await.json()["status"], "expired");
    let patch = async |body: Value| admin.patch(&one(&key)).header("if-match", "*").json(body).await;
    patch(json!({ "name": "y" })).await.expect(200);
    assert_eq!(refusal(&app, &key).await, "the API key has expired", "what is absent stays");
    patch(json!({ "expires_at": null })).await.expect(200);
    with_key(&app, &key).await.expect(200);
}

#[tokio::test]
async fn a_revoked_key_stops_for_good_and_its_name_is_free() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let key = made(&admin, "x", &["audit.read"]).await;
    with_key(&app, &key).await.expect(200);
    for _ in 0..2 {
        admin.delete(&one(&key)).await.expect(204);
    }
    assert_eq!(refusal(&app, &key).await, "the API key was revoked");
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'api_key.revoke'").await, 1);
    let revoked = admin.get(&one(&key)).await.expect(200).json();
    assert_eq!((&revoked["status"], &revoked["revoked_at"]), (&json!("revoked"), &json!(START)));
    admin
        .patch(&one(&key))
        .header("if-match", "*")
        .json(json!({ "name": "y" }))
        .await
        .expect_problem("api-key-revoked");
    admin.post(&format!("{}/rotate", one(&key))).await.expect_problem("api-key-revoked");
    made(&admin, "x", &["audit.read"]).await;
    let nothing = format!("{PATH}/{}", uuid::Uuid::nil());
    admin.delete(&nothing).await.expect_problem("not-found");
    admin.get(&nothing).await.expect_problem("not-found");
}

#[tokio::test]
async fn what_another_process_did_is_noticed_within_seconds() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (revoked, narrowed) = (made(&admin, "a", &["audit.read"]).await, made(&admin, "b", &["audit.read"]).await);
    for key in [&revoked, &narrowed] {
        with_key(&app, key).await.expect(200);
    }
    run(&app, format!("update api_keys set revoked_at = now() where id = '{}'", text(&revoked, "id"))).await;
    run(&app, format!("update api_keys set scopes = '{{health.read}}' where id = '{}'", text(&narrowed, "id"))).await;
    tokio::time::sleep(Duration::from_millis(5100)).await;
    with_key(&app, &revoked).await.expect(401);
    with_key(&app, &narrowed).await.expect(403);
}

#[tokio::test]
async fn what_an_owner_loses_the_key_loses() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let key = made(&admin, "x", &["audit.read", "trial.grant"]).await;
    run(&app, format!("update users set role = 'operator' where id = '{}'", admin.id)).await;
    with_key(&app, &key).await.expect(200);
    let campaign = app.post("/api/v1/admin/trials").bearer(text(&key, "key")).json(json!({ "audience": "all_free" }));
    campaign.await.expect_problem("forbidden");
    admin.delete("/api/v1/me").await.expect(204);
    assert_eq!(refusal(&app, &key).await, "the API key is not valid");
}

#[tokio::test]
async fn a_change_needs_the_version_that_was_seen() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (key, _other) = (made(&admin, "x", &["audit.read"]).await, made(&admin, "Other", &["audit.read"]).await);
    let patch = |seen: &str, body: Value| admin.patch(&one(&key)).header("if-match", seen).json(body);
    admin.patch(&one(&key)).json(json!({ "name": "y" })).await.expect_problem("precondition-required");
    patch("\"7\"", json!({ "name": "y" })).await.expect_problem("precondition-failed");
    patch("\"1\"", json!({ "name": "other" })).await.expect_problem("api-key-name-taken");
    patch("\"1\"", json!({ "scopes": ["nothing.real"] })).await.expect_problem("validation-failed");
    patch("\"1\"", json!({ "expires_at": START })).await.expect_problem("validation-failed");
    assert_eq!(patch("\"1\"", json!({})).await.expect(200).header("etag"), "\"1\"", "nothing changed");
    let changed = patch("\"1\"", json!({ "name": "y", "scopes": ["health.read"] })).await.expect(200);
    assert_eq!((changed.header("etag"), &changed.json()["name"]), ("\"2\"", &json!("y")));
    with_key(&app, &key).await.expect_problem("forbidden");
    admin
        .post(PATH)
        .json(json!({ "name": "OTHER", "scopes": ["audit.read"] }))
        .await
        .expect_problem("api-key-name-taken");
}

#[tokio::test]
async fn the_last_use_is_kept_to_the_minute() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let key = made(&admin, "x", &["audit.read"]).await;
    let used = async || admin.get(&one(&key)).await.expect(200).json()["last_used_at"].clone();
    assert_eq!(used().await, Value::Null);
    with_key(&app, &key).await.expect(200);
    app.advance(Duration::from_secs(59));
    with_key(&app, &key).await.expect(200);
    assert_eq!(used().await, json!(START));
    app.advance(Duration::from_secs(1));
    with_key(&app, &key).await.expect(200);
    assert_eq!(used().await, json!(START + Duration::from_secs(60)));
    assert_eq!(admin.get(&one(&key)).await.json()["version"], 1);
}

#[tokio::test]
async fn nobody_gets_more_power_by_rotating_the_key_of_another() {
    let app = TestApp::start().await;
    run(&app, "insert into roles values ('key_admin')".to_owned()).await;
    let permissions = "('key_admin', 'api_key.admin'), ('key_admin', 'audit.read')";
    run(&app, format!("insert into role_permissions (role, permission) values {permissions}")).await;
    let (admin, keeper) = (app.admin().await, app.person("key_admin").await);
    let (mighty, modest) =
        (made(&admin, "a", &["audit.read", "user.admin"]).await, made(&admin, "b", &["audit.read"]).await);
    let refused = keeper.post(&format!("{}/rotate", one(&mighty))).await.expect_problem("forbidden").json();
    assert!(refused["detail"].as_str().unwrap().contains("user.admin"), "{refused}");
    keeper.post(&format!("{}/rotate", one(&modest))).await.expect(200);
    keeper.delete(&one(&mighty)).await.expect(204);
}

#[tokio::test]
async fn a_key_watches_the_work_that_it_asked_for_and_no_other() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (key, other) = (made(&admin, "a", &["trial.grant"]).await, made(&admin, "b", &["trial.grant"]).await);
    let campaign = app.post("/api/v1/admin/trials").bearer(text(&key, "key")).header("x-triggered-by", "crm");
    let task = campaign.json(json!({ "audience": "all_free" })).await.expect(202);
    let watch = |key: &Value| app.get(task.header("location")).bearer(text(key, "key"));
    watch(&key).await.expect(200);
    watch(&other).await.expect(404);
    let row = admin.get("/api/v1/audit?action=trial.grant_campaign").await.expect(200).json()["items"][0].clone();
    assert_eq!((text(&row, "actor"), text(&row, "actor_name")), (format!("key:{}", text(&key, "id")).as_str(), "a"));
    assert_eq!(
        (&row["label"], text(&row, "target")),
        (&json!("crm"), format!("execution:{}", text(&task.json(), "task_id")).as_str())
    );
    app.drain_all_jobs().await;
}

#[tokio::test]
async fn what_is_no_key_is_refused_on_public_routes_too() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let key = made(&admin, "x", &["audit.read"]).await;
    let mut details = BTreeSet::new();
    let swapped = text(&key, "key").replace(char::is_numeric, "0");
    for wrong in ["bf_", "bf_0190", &swapped, &format!("{}0", text(&key, "key"))] {
        let refused = app.get("/api/v1/plans").bearer(wrong).await.expect_problem("unauthenticated");
        details.insert(refused.json()["detail"].as_str().unwrap().to_owned());
    }
    assert_eq!(details.into_iter().collect::<Vec<_>>(), ["the API key is malformed"]);
    app.get("/api/v1/plans").bearer(text(&key, "key")).await.expect(200);
}

#[tokio::test]
async fn an_operator_makes_and_revokes_keys_from_a_shell() {
    let app = TestApp::start().await;
    let (admin, operator) = (app.admin().await, app.operator().await);
    let accounts = &app.parts().accounts;
    let new =
        |name: &str, scope: &str| NewKey { name: name.to_owned(), scopes: vec![scope.to_owned()], expires_at: None };
    let shown = accounts.create_key_for(&operator.email, new("cron", "audit.read")).await.unwrap();
    app.get("/api/v1/audit").bearer(shown.text.expose()).await.expect(200);
    for (email, name, scope, pointer) in [
        ("nobody@example.org", "x", "audit.read", "/owner"),
        (&operator.email, "x", "trial.grant", "/scopes/0"),
        (&operator.email, "", "audit.read", "/name"),
    ] {
        let Err(refused) = accounts.create_key_for(email, new(name, scope)).await else { panic!("{name} {scope}") };
        assert_eq!(refused.errors()[0].pointer, pointer);
    }
    assert_eq!(accounts.keys(10).await.unwrap().len(), 1);
    accounts.revoke_key(shown.key.id).await.unwrap();
    app.get("/api/v1/audit").bearer(shown.text.expose()).await.expect(401);
    let log = admin.get("/api/v1/audit?action=api_key.").await.expect(200).json();
    for row in log["items"].as_array().unwrap() {
        assert_eq!(row["label"], "bookflow keys (command line)");
        assert_eq!((&row["actor"], &row["method"]), (&json!(format!("user:{}", operator.id)), &Value::Null));
    }
    assert_eq!(log["items"].as_array().unwrap().len(), 2);
}
