//! Targets as requests name them: through the API, all the way to what runs.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::{Answer, Reply, TestApp};

use super::{next_minute, webhooks::verifies};

const ALL: &str = "/api/v1/schedules";

/// A schedule of every minute with these fields.
fn minutely(fields: Value) -> Value {
    let mut whole = json!({ "name": "drill", "cron_expression": "* * * * *" });
    for (name, value) in fields.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole
}

/// What was refused: messages by pointer.
#[track_caller]
fn refused(answer: Answer) -> BTreeMap<String, String> {
    let errors = answer.expect_problem("validation-failed").json()["errors"].as_array().unwrap().clone();
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    errors.iter().map(|error| (text(error, "pointer"), text(error, "message"))).collect()
}

#[tokio::test]
async fn the_secret_of_a_webhook_is_shown_when_its_schedule_is_made_and_never_again() {
    let app = TestApp::builder().webhooks().start().await;
    let admin = app.admin().await;
    let webhook =
        json!({ "url": format!("{}/hook", app.fakes().receiver.url()), "payload": { "run": "{{execution_id}}" } });
    let body = minutely(json!({ "webhook": webhook }));
    let create = async || admin.post(ALL).idempotency_key("k").json(body.clone()).await.expect(201);
    let made = create().await.json();
    let secret = made["webhook_secret"].as_str().unwrap();
    let path = format!("{ALL}/{}", made["id"].as_str().unwrap());
    let again = create().await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    for other in [again, admin.get(&path).await.expect(200)] {
        assert_eq!((&other.json()["id"], &other.json()["webhook"]), (&made["id"], &webhook));
        assert!(!other.text().contains("whsec_") && other.json().get("webhook_secret").is_none());
    }
    let log = crate::shelf::count(&app, "select count(*) from audit_log where changes::text like '%whsec%'").await;
    let kept = "select count(*) from idempotency_keys where convert_from(body, 'UTF8') like '%whsec%'";
    assert_eq!((log, crate::shelf::count(&app, kept).await), (0, 0));

    app.fakes().receiver.answer(Reply::new(200, Value::Null));
    next_minute(&app).await;
    let call = app.fakes().receiver.calls().remove(0);
    assert!(verifies(&call, secret));
    assert_eq!(call.body["data"]["payload"]["run"], call.header("webhook-id").unwrap());
}

#[tokio::test]
async fn a_webhook_to_a_private_address_is_refused_and_nothing_is_saved() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for url in [
        "https://127.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://db.internal/",
        "http://example.org/",
    ] {
        let answer = admin.post(ALL).json(minutely(json!({ "webhook": { "url": url } }))).await;
        assert_eq!(refused(answer).into_keys().collect::<Vec<_>>(), ["/webhook/url"], "{url}");
    }
    assert_eq!(admin.get(ALL).await.expect(200).json()["items"], json!([]));
    let made = admin.post(ALL).json(minutely(json!({ "webhook": { "url": "https://example.org/hook" } }))).await;
    made.expect(201);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_target_is_told_at_once() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let post = async |fields: Value| refused(admin.post(ALL).json(minutely(fields)).await);
    let wrong = post(
        json!({ "priority": 11, "job": "engine.noop", "args": { "sleep_ms": -1, "fail": "x", "key": "{{now}}" } }),
    )
    .await;
    let wanted = ["/args/fail", "/args/key", "/args/sleep_ms", "/priority"];
    assert_eq!(wrong.into_keys().collect::<Vec<_>>(), wanted);
    let both = post(json!({ "job": "engine.noop", "target_command": "cmd.a.b" })).await;
    assert!(both["/job"].contains("target_command") && both["/job"].contains("webhook"));
    let none = post(json!({})).await;
    assert!(none["/job"].contains("target_command") && none["/job"].contains("webhook"));
    let large = post(json!({ "job": "engine.noop", "args": { "padding": "x".repeat(70_000) } })).await;
    assert!(large["/args"].contains("70014"), "{large:?}");
    for hidden in ["schedules.webhook", "schedules.command", "accounts.mail_code"] {
        assert!(post(json!({ "job": hidden })).await["/job"].contains("engine.noop"), "{hidden}");
    }
}

#[tokio::test]
async fn a_command_needs_a_place_on_the_list_and_a_transport() {
    let command = || minutely(json!({ "target_command": "cmd.billing.close", "command_payload": { "n": 1 } }));
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let wrong = refused(admin.post(ALL).json(command()).await);
    assert!(wrong["/target_command"].contains("allow-list is empty"), "{wrong:?}");
    admin.post("/api/v1/command-patterns").json(json!({ "pattern": "cmd.billing.*" })).await.expect(201);
    let wrong = refused(admin.post(ALL).json(command()).await);
    assert!(wrong["/target_command"].contains("no command transport is configured"), "{wrong:?}");

    let app = TestApp::builder().commands().start().await;
    let admin = app.admin().await;
    admin.post("/api/v1/command-patterns").json(json!({ "pattern": "cmd.billing.*" })).await.expect(201);
    let made = admin.post(ALL).json(command()).await.expect(201).json();
    assert_eq!((&made["target_command"], &made["job"]), (&json!("cmd.billing.close"), &Value::Null));
    let trigger = format!("{ALL}/{}/trigger", made["id"].as_str().unwrap());
    admin.post(&trigger).json(json!({ "payload": { "n": 2 } })).await.expect(202);
    app.drain_jobs().await;
    next_minute(&app).await;
    let sent: Vec<Value> = app.commands().sent().into_iter().map(|command| command.payload).collect();
    assert_eq!(sent, [json!({ "n": 2 }), json!({ "n": 1 })]);
    let wrong = refused(admin.post(&trigger).json(json!({ "payload": "{{scheduled_for}}" })).await);
    assert_eq!(wrong.into_keys().collect::<Vec<_>>(), ["/payload"]);
}

#[tokio::test]
async fn a_schedule_is_made_from_a_template_with_parameters_and_fields_of_its_own() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let template = json!({
        "name": "every-minute",
        "parameters": [
            { "name": "team", "type": "string", "required": true },
            { "name": "urgency", "type": "number", "default": 7 },
        ],
        "schedule": {
            "name": "drill-{{team}}", "cron_expression": "* * * * *", "priority": "{{urgency}}", "tags": ["{{team}}"],
            "job": "engine.noop", "args": { "key": "{{team}} {{scheduled_for}}" },
        },
    });
    let template = admin.post("/api/v1/schedule-templates").json(template).await.expect(201).json();
    let given = json!({ "template": "every-minute", "parameters": { "team": "blue" }, "description": "Ours" });
    let made = admin.post(ALL).json(given).await.expect(201).json();
    let shown = |made: &Value| {
        [made["name"].clone(), made["priority"].clone(), made["tags"].clone(), made["description"].clone()]
    };
    assert_eq!(shown(&made), [json!("drill-blue"), json!(7), json!(["blue"]), json!("Ours")]);
    let given = json!({ "template": template["id"], "parameters": { "team": "red", "urgency": 2 }, "tags": [] });
    let other = admin.post(ALL).json(given).await.expect(201).json();
    assert_eq!(shown(&other), [json!("drill-red"), json!(2), json!([]), json!("")]);
    next_minute(&app).await;
    let mut keys: Vec<Value> =
        app.executions("engine.noop").await.into_iter().map(|run| run.args["key"].clone()).collect();
    keys.sort_by_key(Value::to_string);
    assert_eq!(keys, ["blue 2026-01-05T10:01:00Z", "red 2026-01-05T10:01:00Z"]);

    let post = async |given: Value| refused(admin.post(ALL).json(given).await).into_keys().collect::<Vec<_>>();
    let wrong = json!({ "template": "every-minute", "parameters": { "urgency": "high", "color": 1 } });
    assert_eq!(post(wrong).await, ["/parameters/color", "/parameters/team", "/parameters/urgency"]);
    assert_eq!(post(json!({ "template": "none", "parameters": {} })).await, ["/template"]);
    let outside = json!({ "template": "every-minute", "parameters": { "team": "green", "urgency": 70 } });
    assert_eq!(post(outside).await, ["/priority"]);
}
