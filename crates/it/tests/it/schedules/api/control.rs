//! Pausing, resuming and running by hand.

use std::time::Duration;

use serde_json::json;

use super::{at, create, refused, runs, show, start, states};

#[tokio::test]
async fn a_pause_has_a_reason_and_holds_until_it_is_resumed() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 60 })).await;
    for wrong in [
        json!({}),
        json!({ "reason": "" }),
        json!({ "reason": " " }),
        json!({ "reason": "x".repeat(501) }),
        json!({ "reason": "\u{0}" }),
    ] {
        assert_eq!(refused(admin.post(&at(&made, "/pause")).json(wrong).await).keys().collect::<Vec<_>>(), ["/reason"]);
    }
    admin.post(&at(&made, "/resume")).await.expect_problem("schedule-state");
    let paused =
        admin.post(&at(&made, "/pause")).json(json!({ "reason": "the warehouse moves" })).await.expect(200).json();
    assert_eq!((&paused["status"], &paused["status_reason"]), (&json!("paused"), &json!("the warehouse moves")));
    assert_eq!(paused["next_run_at"], json!(null));
    admin.post(&at(&made, "/pause")).json(json!({ "reason": "again" })).await.expect_problem("schedule-state");
    app.advance(Duration::from_secs(600));
    app.tick().await;
    assert_eq!(runs(&admin, &made).await.len(), 0);
    let resumed = admin.post(&at(&made, "/resume")).await.expect(200).json();
    assert_eq!((&resumed["status"], &resumed["status_reason"]), (&json!("active"), &json!(null)));
    assert_eq!(resumed["next_run_at"], "2026-01-05T10:11:00Z", "what was due meanwhile stays skipped");
    app.advance(Duration::from_secs(60));
    app.tick().await;
    app.drain_jobs().await;
    assert_eq!(states(&runs(&admin, &made).await), ["succeeded"]);
}

#[tokio::test]
async fn a_pause_stays_through_an_edit() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 60 })).await;
    admin.post(&at(&made, "/pause")).json(json!({ "reason": "r" })).await.expect(200);
    let patch = admin.patch(&at(&made, "")).header("if-match", "*").json(json!({ "interval_seconds": 30 }));
    let edited = patch.await.expect(200).json();
    assert_eq!(
        (&edited["status"], &edited["status_reason"], &edited["next_run_at"]),
        (&json!("paused"), &json!("r"), &json!(null))
    );
}

#[tokio::test]
async fn a_manual_run_is_the_row_that_the_answer_names() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 3600, "args": { "sleep_ms": 1 } })).await;
    let answer = admin.post(&at(&made, "/trigger")).await.expect(202);
    let id = answer.json()["execution_id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("/api/v1/executions/{id}"));
    let row = app.execution(id.parse().unwrap()).await;
    assert_eq!((row.trigger.as_str(), row.state.as_str(), &row.args), ("manual", "queued", &json!({ "sleep_ms": 1 })));
    assert_eq!(row.triggered_by.unwrap(), format!("user:{}", admin.id));
    admin.post(&at(&made, "/trigger")).await.expect_problem("schedule-busy");
    app.drain_jobs().await;
    assert_eq!(app.execution(id.parse().unwrap()).await.state, "succeeded");
    let shown = show(&admin, &made).await;
    assert_eq!((&shown["next_run_at"], &shown["version"]), (&made["next_run_at"], &json!(1)));
}

#[tokio::test]
async fn a_payload_takes_the_place_of_the_arguments_once_it_is_checked() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 3600, "args": { "sleep_ms": 1 } })).await;
    let path = at(&made, "/trigger");
    let wrong = admin.post(&path).json(json!({ "payload": { "sleep_ms": -5 } })).await;
    assert_eq!(refused(wrong).keys().collect::<Vec<_>>(), ["/payload/sleep_ms"]);
    let nul = admin.post(&path).json(json!({ "payload": { "key": "a\u{0}" } })).await;
    assert_eq!(refused(nul).keys().collect::<Vec<_>>(), ["/payload"]);
    let run = admin.post(&path).json(json!({ "payload": { "sleep_ms": 2 } })).await.expect(202).json();
    let row = app.execution(run["execution_id"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!(row.args, json!({ "sleep_ms": 2 }));
    app.drain_jobs().await;
}

#[tokio::test]
async fn the_same_key_triggers_once() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 3600, "overlap": "allow" })).await;
    let run = || admin.post(&at(&made, "/trigger")).idempotency_key("k").json(json!({}));
    assert_eq!(run().await.expect(202).json(), run().await.expect(202).json());
    assert_eq!(app.executions("engine.noop").await.len(), 1);
    app.drain_jobs().await;
}

#[tokio::test]
async fn a_paused_schedule_can_be_run_by_hand() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 3600 })).await;
    admin.post(&at(&made, "/pause")).json(json!({ "reason": "r" })).await.expect(200);
    admin.post(&at(&made, "/trigger")).await.expect(202);
    app.drain_jobs().await;
    assert_eq!(states(&runs(&admin, &made).await), ["succeeded"]);
}

#[tokio::test]
async fn a_failure_pauses_a_schedule_that_asks_for_it_and_says_which() {
    let app = start().await;
    app.allow_error("asked to fail for good");
    let admin = app.admin().await;
    let fields = json!({ "name": "a", "interval_seconds": 60, "args": { "fail": "fatal" }, "pause_on_failure": true });
    let made = create(&admin, fields).await;
    app.advance(Duration::from_secs(60));
    app.tick().await;
    app.drain_jobs().await;
    app.tick().await;
    let shown = show(&admin, &made).await;
    assert_eq!(shown["status"], "paused");
    let id = runs(&admin, &made).await[0]["id"].as_str().unwrap().to_owned();
    assert!(shown["status_reason"].as_str().unwrap().contains(&id), "{shown}");
}

#[tokio::test]
async fn after_its_last_run_a_schedule_is_completed() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, json!({ "name": "a", "interval_seconds": 60, "max_runs": 2 })).await;
    for _ in 0..4 {
        app.advance(Duration::from_secs(60));
        app.tick().await;
        app.drain_jobs().await;
    }
    app.tick().await;
    let shown = show(&admin, &made).await;
    assert_eq!(
        (&shown["status"], &shown["next_run_at"], &shown["counters"]["succeeded"]),
        (&json!("completed"), &json!(null), &json!(2))
    );
    let more = admin.patch(&at(&made, "")).header("if-match", "*").json(json!({ "max_runs": 3 }));
    assert_eq!(more.await.expect(200).json()["status"], "active");
}
