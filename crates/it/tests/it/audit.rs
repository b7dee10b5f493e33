//! The audit log: what it says, whom it records, and that nothing in it is ever touched again.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgQueryResult};
use testkit::{Person, TestApp};

use crate::shelf::count;

const KEYS: &str = "/api/v1/api-keys";

async fn rows(admin: &Person<'_>, query: &str) -> Vec<Value> {
    let page = admin.get(&format!("/api/v1/audit?{query}")).await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

/// The members of each row that are asked for, the oldest row first.
fn told(rows: &[Value], members: [&str; 3]) -> Vec<[Value; 3]> {
    rows.iter().rev().map(|row| members.map(|member| row[member].clone())).collect()
}

async fn key(admin: &Person<'_>, name: &str) -> Value {
    let new = json!({ "name": name, "scopes": ["audit.read"] });
    admin.post(KEYS).header("x-created-by", "setup").json(new).await.expect(201).json()
}

async fn attempt(connection: &mut PgConnection, sql: &str) -> Result<PgQueryResult, String> {
    let ran = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    ran.map_err(|error| error.to_string())
}

const TOUCHES: [&str; 5] = [
    "update audit_log set action = 'nothing.happened'",
    "delete from audit_log",
    "truncate audit_log",
    "insert into audit_log select * from audit_log on conflict (id) do update set label = 'x'",
    "merge into audit_log a using (select 1) as one on true when matched then delete",
];

#[tokio::test]
async fn nobody_can_change_or_delete_what_is_recorded() {
    let app = TestApp::start().await;
    key(&app.admin().await, "x").await;
    let mut connection = PgConnection::connect(&app.parts().config.database.url.expose().clone()).await.unwrap();
    for touch in TOUCHES {
        let refused = attempt(&mut connection, touch).await.unwrap_err();
        assert!(refused.contains("append-only") || refused.contains("permission denied"), "{touch}: {refused}");
    }
    // As a plain role that owns the table and has given itself every right again.
    let owner = format!("owner_{}", uuid::Uuid::now_v7().simple());
    for step in [
        format!("create role {owner}"),
        format!("grant usage, create on schema public to {owner}"),
        format!("alter table audit_log owner to {owner}"),
        format!("set role {owner}"),
    ] {
        attempt(&mut connection, &step).await.unwrap();
    }
    for touch in TOUCHES {
        let refused = attempt(&mut connection, touch).await.unwrap_err();
        assert!(refused.contains("permission denied for table audit_log"), "{touch}: {refused}");
    }
    attempt(&mut connection, &format!("grant all on audit_log to {owner}")).await.unwrap();
    for touch in TOUCHES {
        let refused = attempt(&mut connection, touch).await.unwrap_err();
        assert!(refused.contains("audit_log is append-only"), "{touch}: {refused}");
    }
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'api_key.create'").await, 1);
}

#[tokio::test]
async fn a_change_is_told_with_who_what_and_from_where() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let made = key(&admin, "billing").await;
    let one = format!("{KEYS}/{}", made["id"].as_str().unwrap());
    let patch = admin.patch(&format!("{one}?x=hidden")).header("if-match", "*").header("x-request-id", "req-7");
    patch.json(json!({ "name": "invoices", "scopes": ["audit.read", "health.read"] })).await.expect(200);
    admin
        .post(&format!("{one}/rotate"))
        .header("x-performed-by", "Ann")
        .json(json!({ "grace_seconds": 60 }))
        .await
        .expect(200);
    admin.delete(&one).await.expect(204);

    let target = format!("api_key:{}", made["id"].as_str().unwrap());
    let found = rows(&admin, &format!("target={target}")).await;
    let wanted = [
        [json!("api_key.create"), json!("done"), json!("setup")],
        [json!("api_key.update"), json!("done"), Value::Null],
        [json!("api_key.rotate"), json!("done"), json!("Ann")],
        [json!("api_key.revoke"), json!("done"), Value::Null],
    ];
    assert_eq!(told(&found, ["action", "outcome", "label"]), wanted);
    let update = &found[2];
    assert_eq!(update["actor"], format!("user:{}", admin.id));
    assert_eq!((&update["actor_name"], &update["request_id"]), (&json!("system_admin"), &json!("req-7")));
    assert_eq!((&update["method"], &update["path"]), (&json!("PATCH"), &json!(one)));
    let changes = json!([
        { "pointer": "/name", "before": "billing", "after": "invoices" },
        { "pointer": "/scopes", "before": ["audit.read"], "after": ["audit.read", "health.read"] },
    ]);
    assert_eq!(update["changes"], changes);
    assert!(found.iter().all(|row| !row.to_string().contains("secret")), "{found:?}");
    let created = found[3]["changes"].as_array().unwrap();
    assert!(created.iter().all(|change| change["before"].is_null()), "{created:?}");
}

#[tokio::test]
async fn what_is_forbidden_is_recorded_whoever_asked() {
    let app = TestApp::start().await;
    let (admin, reader) = (app.admin().await, app.reader().await);
    reader.get("/api/v1/audit").header("x-request-id", "req-1").await.expect_problem("forbidden");
    reader.delete(&format!("{KEYS}/{}", reader.id)).header("x-performed-by", "me").await.expect_problem("forbidden");
    reader.get("/health/detailed").await.expect(403);
    // A reader's mistakes are a reader's own, and nobody known is nobody recorded.
    reader.patch("/api/v1/me").json(json!({ "timezone": "Nowhere" })).await.expect_problem("validation-failed");
    app.get("/api/v1/audit").await.expect_problem("unauthenticated");
    app.get("/api/v1/audit").bearer("bf_wrong").await.expect_problem("unauthenticated");

    let found = rows(&admin, "").await;
    let wanted = [
        [json!("audit.read"), Value::Null, Value::Null],
        [json!("api_key.delete"), json!(format!("api_key:{}", reader.id)), json!("me")],
        [json!("health.detailed"), Value::Null, Value::Null],
    ];
    assert_eq!(told(&found, ["action", "target", "label"]), wanted);
    for row in &found {
        assert_eq!((&row["outcome"], &row["problem"]), (&json!("refused"), &json!("forbidden")));
        assert_eq!((&row["actor"], &row["actor_name"]), (&json!(format!("user:{}", reader.id)), &json!("reader")));
        assert_eq!(row["changes"], json!([]));
    }
    assert_eq!((&found[2]["request_id"], &found[2]["path"]), (&json!("req-1"), &json!("/api/v1/audit")));
}

#[tokio::test]
async fn a_refused_write_is_recorded_for_whoever_has_a_say() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let made = key(&admin, "x").await;
    let one = format!("{KEYS}/{}", made["id"].as_str().unwrap());
    admin.post(KEYS).json(json!({ "name": "x", "scopes": ["audit.read"] })).await.expect_problem("api-key-name-taken");
    admin.post(KEYS).json(json!({ "name": "x", "scopes": ["nothing.real"] })).await.expect_problem("validation-failed");
    admin.patch(&one).json(json!({})).await.expect_problem("precondition-required");
    admin.patch(&one).header("if-match", "\"9\"").json(json!({})).await.expect_problem("precondition-failed");
    admin.get("/api/v1/audit?limit=0").await.expect_problem("validation-failed"); // a read
    let found = rows(&admin, "outcome=refused").await;
    let wanted = [
        [json!("api_key.create"), json!("api-key-name-taken"), json!("POST")],
        [json!("api_key.create"), json!("validation-failed"), json!("POST")],
        [json!("api_key.update"), json!("precondition-required"), json!("PATCH")],
        [json!("api_key.update"), json!("precondition-failed"), json!("PATCH")],
    ];
    assert_eq!(told(&found, ["action", "problem", "method"]), wanted);
    // What was rolled back left no line that says it was done.
    assert_eq!(rows(&admin, "outcome=done").await.len(), 1);
}

#[tokio::test]
async fn a_refusal_that_is_replayed_is_recorded_once() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for _ in 0..2 {
        let campaign = admin.post("/api/v1/admin/trials").idempotency_key("k").json(json!({ "audience": "nobody" }));
        campaign.await.expect_problem("validation-failed");
    }
    assert_eq!(
        told(&rows(&admin, "").await, ["action", "outcome", "target"]),
        [[json!("trial.create"), json!("refused"), Value::Null]]
    );
}

#[tokio::test]
async fn an_answer_does_not_depend_on_its_line_in_the_log() {
    let app = TestApp::start().await;
    let (admin, reader) = (app.admin().await, app.reader().await);
    sqlx::query("alter table audit_log rename to elsewhere").execute(app.db().pool()).await.unwrap();
    reader.get("/api/v1/audit").await.expect_problem("forbidden");
    // But nothing is changed without one.
    app.allow_error("audit_log");
    admin.post(KEYS).json(json!({ "name": "x", "scopes": ["audit.read"] })).await.expect(500);
    assert_eq!(count(&app, "select count(*) from api_keys").await, 0);
}

#[tokio::test]
async fn the_log_is_searched_and_paged_newest_first() {
    let app = TestApp::start().await;
    let (admin, operator) = (app.admin().await, app.operator().await);
    for name in ["a", "b", "c"] {
        key(&admin, name).await;
        app.advance(std::time::Duration::from_secs(60));
    }
    operator.post(KEYS).json(json!({})).await.expect_problem("forbidden");
    let names = async |query: &str| {
        let found = rows(&operator, query).await;
        let pointer = |row: &Value| row["changes"].as_array()?.iter().find(|c| c["pointer"] == "/name").cloned();
        found
            .iter()
            .map(|row| pointer(row).map_or("-".into(), |c| c["after"].as_str().unwrap().to_owned()))
            .collect::<String>()
    };
    for (query, wanted) in [
        (String::new(), "-cba"),
        (format!("actor=user:{}", admin.id), "cba"),
        (format!("actor=user:{}&outcome=refused", admin.id), ""),
        ("outcome=refused".to_owned(), "-"),
        ("action=api_key.".to_owned(), "-cba"),
        ("action=api_key.create&outcome=done".to_owned(), "cba"),
        ("action=api_key".to_owned(), ""),
        ("from=2026-01-05T10:01:00Z&to=2026-01-05T10:02:00Z".to_owned(), "b"),
        ("request_id=none".to_owned(), ""),
        ("target=api_key:none".to_owned(), ""),
    ] {
        assert_eq!(names(&query).await, wanted, "{query}");
    }
    let first = operator.get("/api/v1/audit?limit=3&action=api_key.").await.expect(200);
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    assert!(first.header("link").contains("action=api_key."), "{}", first.header("link"));
    assert_eq!(names(&format!("limit=3&action=api_key.&cursor={cursor}")).await, "a");
    for (query, pointer) in
        [("outcome=maybe", "/outcome"), ("from=yesterday", "/from"), ("action=%00", "/action"), ("cursor=x", "/cursor")]
    {
        let refused = operator.get(&format!("/api/v1/audit?{query}")).await.expect_problem("validation-failed").json();
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
}
