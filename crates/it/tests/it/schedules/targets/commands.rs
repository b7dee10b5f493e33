//! Commands: which of them schedules may send, and how they get there.

use kernel::{Problem, kinds};
use serde_json::{Value, json};
use testkit::{Answer, TestApp};

use super::{audited, errors, every_minute, next_minute};

const PATTERNS: &str = "/api/v1/command-patterns";

fn items(answer: &Answer) -> Vec<Value> {
    answer.json()["items"].as_array().unwrap().clone()
}

async fn configured() -> TestApp {
    let patterns = ["cmd.report.build", "cmd.billing.*"].map(str::to_owned);
    TestApp::builder()
        .commands()
        .config(move |config| config.schedules.command_allow_list = patterns.into())
        .start()
        .await
}

fn close() -> (&'static str, Value) {
    ("schedules.command", json!({ "name": "cmd.billing.close", "payload": { "at": "{{scheduled_for}}" } }))
}

#[tokio::test]
async fn the_allow_list_has_the_patterns_of_the_configuration_and_those_that_were_added() {
    let app = configured().await;
    let admin = app.admin().await;
    let added = admin.post(PATTERNS).json(json!({ "pattern": "cmd.*.ping" })).await.expect(201);
    assert_eq!(added.header("location"), "/api/v1/command-patterns/cmd.*.ping");
    let wanted = json!({
        "pattern": "cmd.*.ping", "origin": "api", "created_by": format!("user:{}", admin.id), "created_at": "2026-01-05T10:00:00Z"
    });
    assert_eq!(added.json(), wanted);
    let listed = app.operator().await.get(PATTERNS).await.expect(200);
    let shown = items(&listed);
    let config =
        |pattern: &str| json!({ "pattern": pattern, "origin": "config", "created_by": null, "created_at": null });
    assert_eq!(shown, [wanted, config("cmd.billing.*"), config("cmd.report.build")]);
    let first = admin.get(&format!("{PATTERNS}?limit=2")).await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = admin.get(&format!("{PATTERNS}?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!(items(&rest), [config("cmd.report.build")]);
    assert_eq!(rest.json()["next_cursor"], Value::Null);

    admin.delete("/api/v1/command-patterns/cmd.%2A.ping").await.expect(204);
    assert_eq!(items(&admin.get(PATTERNS).await).len(), 2);
    admin.delete("/api/v1/command-patterns/cmd.*.ping").await.expect_problem("not-found");
    let log = [audited(&app, "command_pattern.create").await, audited(&app, "command_pattern.delete").await].concat();
    let target = "command_pattern:cmd.*.ping";
    assert_eq!(log.iter().map(|(target, _)| target.as_str()).collect::<Vec<_>>(), [target, target]);
}

#[tokio::test]
async fn what_the_configuration_names_can_neither_be_removed_nor_added() {
    let app = configured().await;
    let admin = app.admin().await;
    let kept = admin.delete("/api/v1/command-patterns/cmd.billing.*").await.expect_problem("conflict");
    assert!(kept.text().contains("COMMAND_ALLOW_LIST"));
    admin.post(PATTERNS).json(json!({ "pattern": "cmd.billing.*" })).await.expect_problem("conflict");
    admin.post(PATTERNS).json(json!({ "pattern": "cmd.a.b" })).await.expect(201);
    let twice = admin.post(PATTERNS).json(json!({ "pattern": "cmd.a.b" })).await.expect_problem("conflict");
    assert_eq!(twice.json()["errors"][0]["pointer"], "/pattern");
    for wrong in ["", "cmd.a", "cmd.A.b", "cmd.a.b.c", "*", "cmd.a.b*", "cmd.a.\0"] {
        let refused = admin.post(PATTERNS).json(json!({ "pattern": wrong })).await.expect_problem("validation-failed");
        assert_eq!(refused.json()["errors"][0]["pointer"], "/pattern", "{wrong:?}");
    }
    for wrong in ["%00", "nothing", "cmd.a.%FF"] {
        let refused = admin.delete(&format!("{PATTERNS}/{wrong}")).await;
        assert!([404, 422].contains(&refused.status), "{wrong}: {}", refused.text());
    }
}

#[tokio::test]
async fn only_those_who_administer_schedules_change_the_list() {
    let app = configured().await;
    for role in ["reader", "operator", "hr_admin"] {
        let person = app.person(role).await;
        person.post(PATTERNS).json(json!({ "pattern": 1 })).await.expect_problem("forbidden");
        person.delete("/api/v1/command-patterns/cmd.a.b").await.expect_problem("forbidden");
        let reads = person.get(PATTERNS).await.status;
        assert_eq!(reads, if role == "operator" { 200 } else { 403 }, "{role}");
    }
}

#[tokio::test]
async fn a_command_is_sent_with_what_its_run_fills_in() {
    let app = configured().await;
    let owner = app.admin().await;
    every_minute(&app, &owner, close()).await;
    next_minute(&app).await;
    let run = app.executions("schedules.command").await.remove(0);
    assert_eq!((run.state.as_str(), run.message.as_deref()), ("succeeded", Some("sent cmd.billing.close")));
    let sent = app.commands().sent().remove(0);
    assert_eq!((sent.name.as_str(), sent.payload), ("cmd.billing.close", json!({ "at": "2026-01-05T10:01:00Z" })));
    assert_eq!((sent.id.0, sent.scheduled_for, sent.correlation_id), (run.id, run.scheduled_for, run.correlation_id));
}

#[tokio::test]
async fn a_command_that_did_not_get_through_is_sent_again_under_the_same_id() {
    let app = configured().await;
    let owner = app.admin().await;
    every_minute(&app, &owner, close()).await;
    app.commands().refuse(Problem::new(&kinds::UNAVAILABLE).detail("the broker is away"));
    next_minute(&app).await;
    app.drain_all_jobs().await;
    let run = app.executions("schedules.command").await.remove(0);
    assert_eq!((run.state.as_str(), run.attempt), ("succeeded", 2));
    assert!(errors(&run)[0].contains("the broker is away"));
    let ids: Vec<_> = app.commands().sent().into_iter().map(|command| command.id.0).collect();
    assert_eq!(ids, [run.id, run.id]);
}

#[tokio::test]
async fn a_command_that_is_no_longer_on_the_list_is_not_sent() {
    let app = TestApp::builder().commands().start().await;
    app.allow_error("attempt");
    let owner = app.admin().await;
    owner.post(PATTERNS).json(json!({ "pattern": "cmd.billing.close" })).await.expect(201);
    every_minute(&app, &owner, close()).await;
    next_minute(&app).await;
    assert_eq!(app.commands().sent().len(), 1);
    owner.delete(&format!("{PATTERNS}/cmd.billing.close")).await.expect(204);
    next_minute(&app).await;
    let run = app.executions("schedules.command").await.pop().unwrap();
    assert_eq!((run.state.as_str(), run.attempt), ("failed", 1));
    assert!(errors(&run)[0].contains("/target_command is not allowed: the command allow-list is empty"), "{run:?}");
    assert_eq!(app.commands().sent().len(), 1);
}

#[tokio::test]
async fn without_a_transport_a_command_waits_for_a_worker_that_has_one_as_long_as_it_may() {
    let app = TestApp::with(|config| config.schedules.command_allow_list = vec!["cmd.billing.close".to_owned()]).await;
    app.allow_error("attempt");
    let owner = app.admin().await;
    every_minute(&app, &owner, close()).await;
    next_minute(&app).await;
    app.drain_all_jobs().await;
    let run = app.executions("schedules.command").await.remove(0);
    assert_eq!((run.state.as_str(), run.attempt), ("failed", 4));
    assert!(errors(&run).iter().all(|error| error.contains("no command transport is configured")), "{run:?}");
}
