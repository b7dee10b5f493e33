//! Templates: kept, versioned, checked when they are saved.

use serde_json::{Value, json};
use testkit::TestApp;

use super::audited;

const TEMPLATES: &str = "/api/v1/schedule-templates";

fn report(name: &str) -> Value {
    json!({
        "name": name,
        "description": "A report",
        "parameters": [{ "name": "hour", "type": "number", "required": false, "default": 6 }],
        "schedule": { "name": "report", "cron_expression": "0 {{hour}} * * *", "job": "engine.noop" },
    })
}

#[tokio::test]
async fn a_template_is_made_shown_replaced_and_deleted() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let made = admin.post(TEMPLATES).json(report("daily")).await.expect(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{TEMPLATES}/{id}");
    assert_eq!((made.header("location"), made.header("etag")), (path.as_str(), "\"1\""));
    for (field, value) in report("daily").as_object().unwrap() {
        assert_eq!(made.json()[field], *value, "{field}");
    }
    let shown = app.operator().await.get(&path).await.expect(200);
    assert_eq!((shown.json(), shown.header("etag")), (made.json(), "\"1\""));

    let other = json!({ "name": "weekly", "schedule": { "phrase": "every monday at 9am" } });
    admin.put(&path).json(other.clone()).await.expect_problem("precondition-required");
    admin.put(&path).header("if-match", "\"7\"").json(other.clone()).await.expect_problem("precondition-failed");
    let replaced = admin.put(&path).header("if-match", "\"1\"").json(other).await.expect(200);
    assert_eq!((replaced.header("etag"), &replaced.json()["parameters"]), ("\"2\"", &json!([])));
    assert_eq!(replaced.json()["description"], "");

    admin.delete(&path).await.expect_problem("precondition-required");
    admin.delete(&path).header("if-match", "\"1\"").await.expect_problem("precondition-failed");
    admin.delete(&path).header("if-match", "\"2\"").await.expect(204);
    admin.get(&path).await.expect_problem("not-found");
    admin.delete(&path).header("if-match", "*").await.expect_problem("not-found");
    admin.post(TEMPLATES).json(report("weekly")).await.expect(201);
    for (action, changed) in [("create", "/name"), ("update", "/schedule"), ("delete", "/name")] {
        let log = audited(&app, &format!("schedule_template.{action}")).await;
        assert_eq!(log[0].0, format!("schedule_template:{id}"));
        assert!(log[0].1.to_string().contains(changed), "{log:?}");
    }
}

#[tokio::test]
async fn names_are_unique_and_lists_go_by_name() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for name in ["b", "a", "c"] {
        admin.post(TEMPLATES).json(report(name)).await.expect(201);
    }
    let taken = admin.post(TEMPLATES).json(report("b")).await.expect_problem("template-name-taken");
    assert_eq!(taken.json()["errors"][0]["pointer"], "/name");
    let first = admin.get(&format!("{TEMPLATES}?limit=2")).await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = admin.get(&format!("{TEMPLATES}?limit=2&cursor={cursor}")).await.expect(200).json();
    let names =
        |page: &Value| -> Vec<Value> { page["items"].as_array().unwrap().iter().map(|t| t["name"].clone()).collect() };
    assert_eq!((names(&first), names(&second)), (vec![json!("a"), json!("b")], vec![json!("c")]));
    let path = format!("{TEMPLATES}/{}", second["items"][0]["id"].as_str().unwrap());
    admin.put(&path).header("if-match", "*").json(report("a")).await.expect_problem("template-name-taken");
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_and_nothing_is_saved() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let wrong = json!({
        "name": "",
        "parameters": [{ "name": "A", "type": "string" }, { "name": "n", "type": "number", "default": "6" }],
        "schedule": { "nmae": "x", "description": "{{team}}", "args": { "at": "{{scheduled_for}}" } },
    });
    let refused = admin.post(TEMPLATES).json(wrong).await.expect_problem("validation-failed").json();
    let pointers: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    let wanted = ["/name", "/parameters/0/name", "/parameters/1/default", "/schedule/nmae", "/schedule/description"];
    assert_eq!(pointers, wanted);
    for (wrong, pointer) in [
        (json!({ "name": "x" }), "/schedule"),
        (json!({ "name": "x", "schedule": [] }), "/schedule"),
        (json!({ "name": "x", "schedule": {}, "parameters": [{ "name": "a", "type": "list" }] }), "/parameters/0/type"),
    ] {
        let refused = admin.post(TEMPLATES).json(wrong).await.expect_problem("validation-failed").json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    assert_eq!(admin.get(TEMPLATES).await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn reading_and_writing_need_their_permissions() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let made = admin.post(TEMPLATES).json(report("daily")).await.expect(201).json();
    let path = format!("{TEMPLATES}/{}", made["id"].as_str().unwrap());
    for role in ["reader", "operator", "hr_admin"] {
        let person = app.person(role).await;
        person.post(TEMPLATES).json(json!({})).await.expect_problem("forbidden");
        person.put(&path).json(json!({})).await.expect_problem("forbidden");
        person.delete(&path).await.expect_problem("forbidden");
        let status = if role == "operator" { 200 } else { 403 };
        person.get(&path).await.expect(status);
        person.get(TEMPLATES).await.expect(status);
    }
}

#[tokio::test]
async fn the_same_request_again_makes_no_second_template() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let create = async || admin.post(TEMPLATES).idempotency_key("k").json(report("daily")).await.expect(201);
    let (first, again) = (create().await, create().await);
    assert_eq!((first.json(), again.header("etag")), (again.json(), "\"1\""));
}
