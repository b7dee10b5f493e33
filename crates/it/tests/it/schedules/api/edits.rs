//! Replacing, patching and deleting schedules.

use serde_json::{Value, json};
use store::Sql as _;

use super::{ALL, at, create, noop, pointers, put, runs, show, start, states};

#[tokio::test]
async fn a_write_needs_the_version_that_was_seen() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 60 })).await;
    let path = at(&made, "");
    let body = noop(json!({ "name": "b", "interval_seconds": 60 }));
    put(&app, &admin, &path).json(body.clone()).await.expect_problem("precondition-required");
    admin.patch(&path).json(json!({ "name": "b" })).await.expect_problem("precondition-required");
    put(&app, &admin, &path).header("if-match", "\"2\"").json(body.clone()).await.expect_problem("precondition-failed");
    let seen = admin.get(&path).await.expect(200).header("etag").to_owned();
    let changed = put(&app, &admin, &path).header("if-match", &seen).json(body.clone()).await.expect(200);
    assert_eq!((&changed.json()["name"], &changed.json()["version"]), (&json!("b"), &json!(2)));
    admin
        .patch(&path)
        .header("if-match", &seen)
        .json(json!({ "name": "c" }))
        .await
        .expect_problem("precondition-failed");
    admin.delete(&path).header("if-match", &seen).await.expect_problem("precondition-failed");
    let now = changed.header("etag").to_owned();
    admin.patch(&path).header("if-match", &now).json(json!({ "name": "c" })).await.expect(200);
    admin.patch(&path).header("if-match", "\"3\"").json(json!({ "name": "d" })).await.expect(200);
    admin.delete(&path).header("if-match", "\"4\"").await.expect(204);
    admin.patch(&path).header("if-match", "*").json(json!({ "name": "e" })).await.expect_problem("not-found");
}

#[tokio::test]
async fn a_reader_who_has_the_answer_gets_none_until_it_changes() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 60 })).await;
    let known = admin.get(&at(&made, "")).await.expect(200).header("etag").to_owned();
    let ask = || admin.get(&at(&made, "")).header("if-none-match", &known);
    assert_eq!(ask().await.status, 304);
    app.go_to("2026-01-05T10:01:00Z");
    app.tick().await;
    assert_eq!(ask().await.expect(200).json()["version"], 1, "the next run is another one");
    app.drain_jobs().await;
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_takes_back() {
    let app = start().await;
    let admin = app.admin().await;
    let fields = json!({ "name": "a", "cron_expression": "0 9 * * *", "timezone": "Europe/Berlin", "tags": ["x"],
                         "args": { "sleep_ms": 1 }, "max_runs": 5, "priority": 9 });
    let made = create(&admin, fields).await;
    let path = at(&made, "");
    let patch = async |body: Value| admin.patch(&path).header("if-match", "*").json(body).await.expect(200).json();
    let changed = patch(json!({ "priority": null, "description": "new", "args": { "fail": "once" } })).await;
    for (field, wanted) in [
        ("priority", json!(5)),
        ("description", json!("new")),
        ("args", json!({ "sleep_ms": 1, "fail": "once" })),
        ("cron_expression", json!("0 9 * * *")),
        ("timezone", json!("Europe/Berlin")),
        ("max_runs", json!(5)),
        ("tags", json!(["x"])),
        ("version", json!(2)),
    ] {
        assert_eq!(changed[field], wanted, "{field}");
    }
    let every = patch(json!({ "interval_seconds": 3600 })).await;
    assert_eq!((&every["schedule_type"], &every["cron_expression"]), (&json!("interval"), &json!(null)));
    let merge = admin.patch(&path).header("if-match", "*").header("content-type", "application/merge-patch+json");
    assert_eq!(merge.body(r#"{"max_runs":null}"#).await.expect(200).json()["max_runs"], json!(null));
    let wrong = admin.patch(&path).header("if-match", "*").json(json!({ "priority": 0, "nonsense": 1 })).await;
    assert_eq!(pointers(wrong), ["/nonsense", "/priority"]);
    let text = admin.patch(&path).header("if-match", "*").header("content-type", "text/plain").body("{}");
    text.await.expect_problem("unsupported-media-type");
    assert_eq!(show(&admin, &made).await["version"], 4, "what was refused changed nothing");
}

#[tokio::test]
async fn a_put_leaves_nothing_of_what_was_before() {
    let app = start().await;
    let admin = app.admin().await;
    let fields =
        json!({ "name": "a", "cron_expression": "0 9 * * *", "tags": ["x"], "priority": 9, "catch_up": "all" });
    let made = create(&admin, fields).await;
    let body = noop(json!({ "name": "a", "interval_seconds": 60 }));
    let now = put(&app, &admin, &at(&made, "")).header("if-match", "*").json(body).await.expect(200).json();
    for (field, wanted) in [
        ("schedule_type", json!("interval")),
        ("cron_expression", json!(null)),
        ("tags", json!([])),
        ("priority", json!(5)),
        ("catch_up", json!("latest")),
        ("created_at", made["created_at"].clone()),
    ] {
        assert_eq!(now[field], wanted, "{field}");
    }
}

#[tokio::test]
async fn an_edit_counts_at_once_and_what_was_due_before_ran_by_what_counted_then() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "cron_expression": "0 * * * *", "args": { "sleep_ms": 1 } })).await;
    // Nothing ticked: 11:00 is still to be dealt with when the schedule is changed.
    app.go_to("2026-01-05T11:00:30Z");
    let patch = json!({ "cron_expression": "*/10 * * * *", "args": { "sleep_ms": 2 } });
    let changed = admin.patch(&at(&made, "")).header("if-match", "*").json(patch).await.expect(200).json();
    assert_eq!(changed["next_run_at"], "2026-01-05T11:10:00Z");
    let found = app.executions("engine.noop").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].scheduled_for.unwrap().to_rfc3339(), "2026-01-05T11:00:00+00:00");
    assert_eq!(found[0].args["sleep_ms"], 1);
    app.drain_jobs().await;
    app.go_to("2026-01-05T11:10:00Z");
    app.tick().await;
    assert_eq!(app.executions("engine.noop").await[1].args["sleep_ms"], 2);
    app.drain_jobs().await;
    assert_eq!(states(&runs(&admin, &made).await), ["succeeded", "succeeded"]);
}

#[tokio::test]
async fn an_interval_without_an_anchor_keeps_its_rhythm_when_something_else_changes() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 600 })).await;
    assert_eq!(
        (&made["anchor"], &made["next_run_at"]),
        (&json!("2026-01-05T10:00:00Z"), &json!("2026-01-05T10:10:00Z"))
    );
    app.go_to("2026-01-05T10:03:00Z");
    let patch = admin.patch(&at(&made, "")).header("if-match", "*").json(json!({ "priority": 6 }));
    assert_eq!(patch.await.expect(200).json()["next_run_at"], "2026-01-05T10:10:00Z");
    let later = json!({ "name": "b", "interval_seconds": 600, "start_at": "2026-01-06T00:03:00Z" });
    assert_eq!(create(&admin, later).await["next_run_at"], "2026-01-06T00:03:00Z");
}

#[tokio::test]
async fn an_immediate_schedule_does_not_run_again_when_it_is_changed() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "schedule_type": "immediate" })).await;
    app.drain_jobs().await;
    app.advance(std::time::Duration::from_secs(90));
    let patch = admin.patch(&at(&made, "")).header("if-match", "*").json(json!({ "name": "b" }));
    assert_eq!(patch.await.expect(200).json()["status"], "completed");
    app.tick().await;
    assert_eq!(runs(&admin, &made).await.len(), 1);
}

#[tokio::test]
async fn a_deleted_schedule_leaves_its_history_and_runs_no_more() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 60 })).await;
    app.go_to("2026-01-05T10:01:00Z");
    app.tick().await;
    admin.delete(&at(&made, "")).await.expect(204);
    app.go_to("2026-01-05T11:00:00Z");
    app.tick().await;
    let rows = app.executions("engine.noop").await;
    assert_eq!((rows.len(), rows[0].state.as_str()), (1, "cancelled"));
    for below in ["", "/executions", "/preview"] {
        admin.get(&at(&made, below)).await.expect_problem("not-found");
    }
    for below in ["/pause", "/resume", "/trigger"] {
        admin.post(&at(&made, below)).json(json!({ "reason": "x" })).await.problem();
    }
    admin.delete(&at(&made, "")).await.expect_problem("not-found");
    assert_eq!(admin.get(ALL).await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn each_change_is_in_the_audit_log_with_what_differs_and_no_noise() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 60 })).await;
    app.go_to("2026-01-05T10:01:00Z");
    app.tick().await;
    app.drain_jobs().await;
    app.tick().await; // now the counters differ
    let path = at(&made, "");
    admin.patch(&path).header("if-match", "*").json(json!({ "priority": 7 })).await.expect(200);
    admin
        .post(&at(&made, "/pause"))
        .header("x-performed-by", "Ann")
        .json(json!({ "reason": "moving" }))
        .await
        .expect(200);
    admin.post(&at(&made, "/resume")).await.expect(200);
    admin.post(&at(&made, "/trigger")).await.expect(202);
    admin.delete(&path).await.expect(204);
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        action: String,
        actor: String,
        label: Option<String>,
        changes: Value,
    }
    let sql = "select action, actor, label, changes from audit_log where target = $1 and outcome = 'done' order by id";
    let target = format!("schedule:{}", made["id"].as_str().unwrap());
    let rows: Vec<Row> = app.db().conn().query(sql, [target.into()]).await.unwrap();
    let actions: Vec<_> = rows.iter().map(|row| row.action.trim_start_matches("schedule.")).collect();
    assert_eq!(actions, ["create", "update", "pause", "resume", "trigger", "delete"]);
    assert!(rows.iter().all(|row| row.actor == format!("user:{}", admin.id)));
    assert_eq!(rows[2].label.as_deref(), Some("Ann"));
    let changed = |row: &Row| -> Vec<String> {
        let changes = row.changes.as_array().unwrap().iter();
        changes.map(|change| change["pointer"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(changed(&rows[1]), ["/priority", "/version"]);
    assert_eq!(changed(&rows[2]), ["/next_run_at", "/status", "/status_reason", "/version"]);
    assert_eq!(changed(&rows[4]), ["/execution_id"]);
}
