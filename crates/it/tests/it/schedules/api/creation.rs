//! Creating schedules, and what is answered.

use serde_json::json;
use testkit::TestApp;

use super::{ALL, at, create, noop, runs, show, start, states};

#[tokio::test]
async fn a_new_schedule_is_there_with_its_defaults_its_address_and_its_tag() {
    let app = start().await;
    let admin = app.admin().await;
    let fields = json!({ "name": "close-day", "cron_expression": "0 18 * * MON-FRI", "timezone": "Europe/Berlin" });
    let answer = admin.post(ALL).header("x-created-by", "importer").json(noop(fields)).await.expect(201);
    let made = answer.json();
    assert_eq!(answer.header("location"), at(&made, ""));
    let shown = admin.get(&at(&made, "")).await.expect(200);
    assert_eq!((shown.json(), shown.header("etag")), (made.clone(), answer.header("etag")));
    assert!(answer.header("etag").starts_with("\"1-"), "{}", answer.header("etag"));
    for (field, wanted) in [
        ("schedule_type", json!("cron")),
        ("cron_expression", json!("0 18 * * MON-FRI")),
        ("timezone", json!("Europe/Berlin")),
        ("status", json!("active")),
        ("next_run_at", json!("2026-01-05T17:00:00Z")),
        ("next_run_local", json!("2026-01-05T18:00:00+01:00")),
        ("job", json!("engine.noop")),
        ("args", json!({})),
        ("priority", json!(5)),
        ("max_retries", json!(3)),
        ("retry_delay", json!(300)),
        ("timeout_seconds", json!(null)),
        ("misfire_grace_seconds", json!(300)),
        ("catch_up", json!("latest")),
        ("overlap", json!("skip")),
        ("max_instances", json!(3)),
        ("dst_gap", json!("next_valid")),
        ("dst_overlap", json!("first")),
        ("pause_on_failure", json!(false)),
        ("jitter_seconds", json!(0)),
        ("tags", json!([])),
        ("after", json!([])),
        ("join", json!("all")),
        ("created_by", json!(format!("user:{}", admin.id))),
        ("created_by_label", json!("importer")),
        ("origin", json!("api")),
        ("version", json!(1)),
    ] {
        assert_eq!(made[field], wanted, "{field}");
    }
    assert_eq!(made["counters"]["runs"], 0);
}

#[tokio::test]
async fn the_type_follows_from_the_other_fields() {
    let app = start().await;
    let admin = app.admin().await;
    let first = create(&admin, json!({ "name": "0", "interval_seconds": 60 })).await;
    for (number, fields, wanted) in [
        (1, json!({ "cron_expressions": ["0 9 * * *", "0 17 * * *"] }), "cron"),
        (2, json!({ "phrase": "every weekday at 9am" }), "cron"),
        (3, json!({ "interval_seconds": 60 }), "interval"),
        (4, json!({ "run_at": "2026-01-06T00:00:00Z" }), "one_time"),
        (5, json!({ "after": [{ "schedule_id": first["id"] }] }), "dependent"),
    ] {
        let mut fields = fields;
        fields["name"] = json!(number.to_string());
        assert_eq!(create(&admin, fields).await["schedule_type"], wanted);
    }
}

#[tokio::test]
async fn a_phrase_is_kept_beside_what_it_became() {
    let app = start().await;
    let admin = app.admin().await;
    let phrase = create(&admin, json!({ "name": "a", "phrase": "every weekday at 9am in Asia/Jakarta" })).await;
    assert_eq!(phrase["phrase"], "every weekday at 9am in Asia/Jakarta");
    assert_eq!((&phrase["timezone"], &phrase["next_run_at"]), (&json!("Asia/Jakarta"), &json!("2026-01-06T02:00:00Z")));
    let spec = json!({ "cron_expression": phrase["cron_expression"], "timezone": "Asia/Jakarta", "count": 1 });
    let preview = admin.post("/api/v1/schedules/preview").json(spec).await.expect(200).json();
    assert_eq!(preview["items"][0]["at"], phrase["next_run_at"]);
    let english = create(&admin, json!({ "name": "b", "cron_expression": "every weekday at 9am" })).await;
    assert_eq!(
        (&english["phrase"], &english["cron_expression"]),
        (&json!("every weekday at 9am"), &phrase["cron_expression"])
    );
    let changed = json!({ "cron_expression": "0 7 * * *" });
    let changed = admin.patch(&at(&english, "")).header("if-match", "*").json(changed).await.expect(200).json();
    assert_eq!((&changed["phrase"], &changed["cron_expression"]), (&json!(null), &json!("0 7 * * *")));
}

#[tokio::test]
async fn an_immediate_run_is_there_with_the_answer() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "now", "schedule_type": "immediate", "args": { "sleep_ms": 1 } })).await;
    assert_eq!((&made["status"], &made["next_run_at"]), (&json!("completed"), &json!(null)));
    let found = runs(&admin, &made).await;
    assert_eq!(states(&found), ["queued"]);
    app.drain_jobs().await;
    app.tick().await;
    assert_eq!(states(&runs(&admin, &made).await), ["succeeded"]);
    let shown = show(&admin, &made).await;
    assert_eq!((&shown["counters"]["succeeded"], &shown["last_execution_id"]), (&json!(1), &found[0]["id"]));
}

#[tokio::test]
async fn a_single_run_is_due_once() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "once", "run_at": "2026-01-05T12:00:00+01:00" })).await;
    assert_eq!(made["next_run_at"], "2026-01-05T11:00:00Z");
    app.go_to("2026-01-05T11:00:00Z");
    app.tick().await;
    app.drain_jobs().await;
    app.tick().await;
    assert_eq!(states(&runs(&admin, &made).await), ["succeeded"]);
    assert_eq!(show(&admin, &made).await["status"], "completed");
    // Its name can be changed, though its time has passed.
    let renamed = admin.patch(&at(&made, "")).header("if-match", "*").json(json!({ "name": "was once" }));
    assert_eq!(renamed.await.expect(200).json()["status"], "completed");
    app.tick().await;
    assert_eq!(runs(&admin, &made).await.len(), 1);
}

#[tokio::test]
async fn a_single_run_that_fails_fails_its_schedule() {
    let app = start().await;
    app.allow_error("asked to fail for good");
    let admin = app.admin().await;
    let fields = json!({ "name": "bad", "schedule_type": "immediate", "args": { "fail": "fatal" } });
    let made = create(&admin, fields).await;
    app.drain_jobs().await;
    app.tick().await;
    let renamed = admin.patch(&at(&made, "")).header("if-match", "*").json(json!({ "name": "was bad" }));
    assert_eq!(renamed.await.expect(200).json()["status"], "failed", "a new name does not make it well");
}

#[tokio::test]
async fn what_the_schedule_says_of_its_runs_takes_effect() {
    let app = start().await;
    app.allow_error("asked to fail");
    let admin = app.admin().await;
    let fields = json!({ "name": "own", "schedule_type": "immediate", "args": { "fail": "always" }, "priority": 9,
                         "max_retries": 1, "retry_delay": 60, "timeout_seconds": 7 });
    create(&admin, fields).await;
    app.drain_jobs().await;
    let row = &app.executions("engine.noop").await[0];
    assert_eq!((row.priority, row.max_attempts, row.attempt, row.state.as_str()), (9, 2, 1, "queued"));
    let wait = (row.run_at - app.clock().now()).num_seconds();
    assert!((29..=60).contains(&wait), "{wait} s");
    app.drain_all_jobs().await;
    assert_eq!(app.executions("engine.noop").await[0].state, "failed");
}

#[tokio::test]
async fn an_attempt_takes_no_longer_than_the_schedule_allows() {
    let app = start().await;
    app.allow_error("it ran longer than 1s");
    let admin = app.admin().await;
    let args = json!({ "sleep_ms": 30_000 });
    let fields =
        json!({ "name": "slow", "schedule_type": "immediate", "args": args, "max_retries": 0, "timeout_seconds": 1 });
    create(&admin, fields).await;
    app.drain_jobs().await;
    let row = &app.executions("engine.noop").await[0];
    assert_eq!(row.state, "failed");
    assert!(row.errors.to_string().contains("timed-out"), "{}", row.errors);
}

#[tokio::test]
async fn the_same_key_makes_one_schedule() {
    let app = start().await;
    let admin = app.admin().await;
    let body = noop(json!({ "name": "one", "interval_seconds": 60 }));
    let first = admin.post(ALL).idempotency_key("k").json(body.clone()).await.expect(201);
    let again = admin.post(ALL).idempotency_key("k").json(body).await.expect(201);
    assert_eq!(first.json(), again.json());
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(admin.get(ALL).await.expect(200).json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_name_is_unique_per_creator_and_free_after_the_schedule_is_deleted() {
    let app = start().await;
    let (admin, other) = (app.admin().await, app.admin().await);
    let fields = json!({ "name": "nightly", "interval_seconds": 60 });
    let made = create(&admin, fields.clone()).await;
    let answer = admin.post(ALL).json(noop(fields.clone())).await.expect_problem("schedule-name-taken");
    assert_eq!(answer.json()["errors"][0]["pointer"], "/name");
    create(&other, fields.clone()).await;
    admin.delete(&at(&made, "")).await.expect(204);
    create(&admin, fields).await;
    admin.get(&at(&made, "")).await.expect_problem("not-found");
}

#[tokio::test]
async fn nobody_gets_past_the_quota_however_many_ask_at_once() {
    let app = TestApp::with(|config| config.schedules.most_per_creator = 5).await;
    let admin = app.admin().await;
    let one = |number: usize| {
        let fields = json!({ "name": format!("s{number}"), "interval_seconds": 60 });
        admin.post(ALL).json(noop(fields)).send()
    };
    let answers = futures::future::join_all((0..20).map(one)).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 5);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        let answer = answer.expect_problem("schedule-quota");
        assert_eq!(answer.json()["limit"], 5);
    }
    let listed = admin.get(ALL).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 5);
    admin.delete(&at(&listed["items"][0], "")).await.expect(204);
    create(&admin, json!({ "name": "again", "interval_seconds": 60 })).await;
}

#[tokio::test]
async fn a_creator_may_change_so_many_schedules_a_minute_and_hears_when_to_go_on() {
    let app = TestApp::with(|config| config.schedules.rate_limit_per_minute = 3).await;
    let (admin, other) = (app.admin().await, app.admin().await);
    let mut answers = Vec::new();
    for number in 0..4 {
        answers.push(admin.post(ALL).json(noop(json!({ "name": number.to_string(), "interval_seconds": 60 }))).await);
    }
    let last = answers.pop().unwrap().expect_problem("rate-limited");
    assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(answers.iter().all(|answer| answer.status == 201));
    admin.get(ALL).await.expect(200);
    create(&other, json!({ "name": "mine", "interval_seconds": 60 })).await;
    app.advance(std::time::Duration::from_secs(60));
    create(&admin, json!({ "name": "later", "interval_seconds": 60 })).await;
}
