//! Running again and cancelling.

use jobs::{Enqueue, Noop};
use serde_json::{Value, json};
use testkit::TestApp;
use uuid::Uuid;

use super::{Row, list, path, refused};

const MANY: &str = "/api/v1/executions/retry";

#[tokio::test]
async fn what_did_not_come_to_its_end_runs_again_and_keeps_its_history() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for state in ["failed", "cancelled", "missed", "skipped"] {
        let error =
            json!([{"at": "2026-01-05T09:00:00Z", "attempt": 1, "error": "it fell over", "problem": "job-timed-out"}]);
        let range = json!({"from": "2026-01-05T09:00:00Z", "to": "2026-01-05T09:05:00Z", "count": 6});
        let id = Row { errors: error, result: range, ..Row::new(state) }.insert(&app).await;
        let answer = admin.post(&format!("{}/retry", path(id))).await.expect(202);
        assert_eq!(answer.header("location"), format!("/api/v1/tasks/{id}"));
        let queued = answer.json();
        assert_eq!((&queued["state"], &queued["trigger"]), (&json!("queued"), &json!("retry")), "{state}");
        assert_eq!(queued["attempts"][0]["error"], "it fell over");
        assert_eq!(app.drain_jobs().await, 1, "a range of due times runs once");
        let done = admin.get(&path(id)).await.expect(200).json();
        assert_eq!((&done["state"], done["attempts"].as_array().unwrap().len()), (&json!("succeeded"), 1));
        assert_eq!(done["attempts"][0]["attempt"], 1);
    }
}

#[tokio::test]
async fn what_waits_runs_or_has_succeeded_is_not_run_again() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let runs = Row { finished_at: None, ..Row::new("running") };
    for row in [Row::waiting(), runs.clone(), Row::new("succeeded")] {
        row.insert(&app).await;
        let answer = admin.post(&format!("{}/retry", path(row.id))).await.expect_problem("execution-state");
        assert_eq!(answer.json()["detail"], format!("it is {}; that cannot be retried", row.state));
        assert_eq!(app.execution(row.id.into()).await.state, row.state);
    }
    sqlx::query("update executions set state = 'failed' where id = $1")
        .bind(runs.id)
        .execute(app.db().pool())
        .await
        .unwrap();
    admin.post(&format!("{}/retry", path(Uuid::nil()))).await.expect_problem("not-found");
    assert_eq!(refused(admin.post("/api/v1/executions/one/retry").await), ["/id"]);
}

#[tokio::test]
async fn a_unique_job_is_not_run_again_while_another_waits() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let failed = Row { unique_key: Some("k"), ..Row::new("failed") }.insert(&app).await;
    Row { unique_key: Some("k"), ..Row::waiting() }.insert(&app).await;
    let answer = admin.post(&format!("{}/retry", path(failed))).await.expect_problem("execution-state");
    assert_eq!(answer.json()["detail"], "another one with its unique key waits or runs");
    assert_eq!(app.execution(failed.into()).await.state, "failed");
}

#[tokio::test]
async fn what_waits_is_cancelled_at_once_and_what_runs_is_asked() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let cancel = |id| format!("{}/cancel", path(id));
    let waits = Row::waiting().insert(&app).await;
    let reason = json!({"reason": "the report is not needed any more"});
    let cancelled = admin.post(&cancel(waits)).json(reason).await.expect(200).json();
    assert_eq!(
        (&cancelled["state"], &cancelled["message"]),
        (&json!("cancelled"), &json!("the report is not needed any more"))
    );
    admin.post(&cancel(waits)).await.expect_problem("execution-state");

    let runs = Row { finished_at: None, ..Row::new("running") }.insert(&app).await;
    let asked = admin.post(&cancel(runs)).await.expect(202).json();
    assert_eq!((&asked["state"], &asked["cancel_requested_at"]), (&json!("running"), &json!("2026-01-05T10:00:00Z")));
    sqlx::query("update executions set state = 'cancelled' where id = $1")
        .bind(runs)
        .execute(app.db().pool())
        .await
        .unwrap();

    let other = Row::waiting().insert(&app).await;
    for (body, pointer) in [
        (json!({"reason": ""}), "/reason"),
        (json!({"reason": "x".repeat(501)}), "/reason"),
        (json!({"reason": "a\u{0}"}), "/reason"),
        (json!({"reason": 7}), "/reason"),
        (json!({"why": "so"}), "/why"),
    ] {
        assert_eq!(refused(admin.post(&cancel(other)).json(body).await), [pointer]);
    }
    assert_eq!(app.execution(other.into()).await.state, "queued", "and nothing was changed");
    admin.post(&cancel(Uuid::nil())).await.expect_problem("not-found");
    let bare = admin.post(&cancel(other)).await.expect(200).json();
    assert_eq!(bare["message"], "cancelled on request");
}

#[tokio::test]
async fn a_cancelled_execution_does_not_run() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let id = app.enqueue(&Noop::default(), Enqueue::now()).await;
    admin.post(&format!("{}/cancel", path(id.0))).await.expect(200);
    assert_eq!(app.drain_jobs().await, 0);
}

#[tokio::test]
async fn many_are_run_again_by_filter_after_a_look_at_which() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let failed = Row { kind: "engine.noop", queue: "bulk", ..Row::new("failed") }.insert(&app).await;
    let missed = Row { queue: "bulk", ..Row::new("missed") }.insert(&app).await;
    let unique = Row { queue: "bulk", unique_key: Some("k"), ..Row::new("failed") }.insert(&app).await;
    Row { unique_key: Some("k"), ..Row::waiting() }.insert(&app).await;
    let other = Row::new("failed").insert(&app).await;

    let dry = admin.post(MANY).json(json!({"filter": {"queue": "bulk"}, "dry_run": true})).await.expect(200).json();
    let wanted = json!({"dry_run": true, "matched": 2, "retried": 0, "execution_ids": [unique, failed], "failed": [], "left": 2});
    assert_eq!(dry, wanted, "the failed ones, when no state is named");
    assert_eq!(list(&admin, "?state=failed").await, [other, unique, failed], "nothing was changed");

    let filter = json!({"filter": {"queue": "bulk", "state": ["failed", "missed"]}});
    let done = admin.post(MANY).idempotency_key("once").json(filter.clone()).await.expect(200).json();
    let why = "another one with its unique key waits or runs";
    assert_eq!((&done["matched"], &done["retried"], &done["left"]), (&json!(3), &json!(2), &json!(0)));
    assert_eq!(done["execution_ids"], json!([missed, failed]));
    assert_eq!(done["failed"], json!([{"execution_id": unique, "error": why}]));
    let again = admin.post(MANY).idempotency_key("once").json(filter).await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", done));
    assert_eq!(app.drain_jobs().await, 2);
    assert_eq!(list(&admin, "?state=failed").await, [other, unique]);
}

#[tokio::test]
async fn at_most_a_thousand_are_run_again_at_once_and_the_rest_is_told() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let many = "
        insert into executions (id, kind, queue, args, state, max_attempts, run_at, finished_at, trigger, correlation_id, created_at)
        select ('0190d6e5-7c1e-7b1e-8d6a-' || lpad(to_hex(n), 12, '0'))::uuid, 'engine.noop', 'bulk', '{}', 'failed', 1, $1, $1, 'api', 'many', $1
        from generate_series(1, 1003) n";
    sqlx::query(many).bind(testkit::START).execute(app.db().pool()).await.unwrap();
    let retry = async || {
        let done = admin.post(MANY).json(json!({"filter": {}})).await.expect(200).json();
        ["matched", "retried", "left"].map(|name| done[name].as_i64().unwrap())
    };
    let [matched, retried, left] = retry().await;
    assert_eq!((matched, matched - retried), (1003, left));
    assert!((1..=1000).contains(&retried), "{retried}; fewer only where it took ten seconds");
    let mut rest = left;
    while rest > 0 {
        rest = retry().await[2];
    }
    assert_eq!(retry().await, [0, 0, 0]);
    let end = "update executions set state = 'cancelled', finished_at = run_at where state = 'queued'";
    assert_eq!(sqlx::query(end).execute(app.db().pool()).await.unwrap().rows_affected(), 1003);
}

#[tokio::test]
async fn a_bulk_retry_that_cannot_be_read_changes_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let failed = Row::new("failed").insert(&app).await;
    for (filter, pointer) in [
        (json!({"state": ["succeeded"]}), "/filter/state/0"),
        (json!({"state": ["failed", "queued"]}), "/filter/state/1"),
        (json!({"state": ["done"]}), "/filter/state/0"),
        (json!({"state": "failed"}), "/filter/state"),
        (json!({"queue": "express"}), "/filter/queue"),
        (json!({"kind": ""}), "/filter/kind"),
        (json!({"text": "a\u{0}"}), "/filter/text"),
        (json!({"trigger": "cron"}), "/filter/trigger"),
        (json!({"schedule_id": "7"}), "/filter/schedule_id"),
        (json!({"started_from": "soon"}), "/filter/started_from"),
        (json!({"started_from": "2026-01-05T10:00:00Z", "started_to": "2026-01-05T09:00:00Z"}), "/filter/started_to"),
        (json!({"sate": ["failed"]}), "/filter/sate"),
        (Value::Null, "/filter"),
    ] {
        let answer = admin.post(MANY).json(json!({ "filter": filter })).await;
        assert_eq!(refused(answer), [pointer], "{filter}");
    }
    assert_eq!(refused(admin.post(MANY).json(json!({})).await), ["/filter"], "everything is not meant by accident");
    assert_eq!(app.execution(failed.into()).await.state, "failed");
}
