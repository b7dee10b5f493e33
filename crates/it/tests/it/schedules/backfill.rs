//! Running past due times after all.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::Person;

use super::start;

const HOUR: Duration = Duration::from_secs(3600);

async fn hourly(by: &Person<'_>) -> String {
    let schedule = json!({ "name": "drill", "job": "engine.noop", "cron_expression": "0 * * * *" });
    let made = by.post("/api/v1/schedules").json(schedule).await.expect(201).json();
    format!("/api/v1/schedules/{}", made["id"].as_str().unwrap())
}

fn actions(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|item| item["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn it_is_listed_first_and_runs_each_due_time_once() {
    let app = start().await;
    let admin = app.admin().await;
    let path = hourly(&admin).await;
    app.advance(4 * HOUR);
    app.tick().await; // 11:00 to 13:00 missed, 14:00 runs
    app.drain_jobs().await;
    let range = json!({ "from": "2026-01-05T09:00:00Z", "to": "2026-01-05T14:00:00Z" });
    let mut dry = range.clone();
    dry["dry_run"] = json!(true);
    let listed = admin.post(&format!("{path}/backfill")).json(dry).await.expect(200).json();
    assert_eq!(actions(&listed), ["run", "run", "run_again", "run", "run", "leave"]);
    assert_eq!((&listed["runs"], app.executions("engine.noop").await.len()), (&json!(5), 2), "nothing was changed");

    let ran = admin.post(&format!("{path}/backfill")).json(range.clone()).await.expect(202).json();
    assert_eq!(ran["runs"], 5);
    app.drain_jobs().await;
    let rows = app.executions("engine.noop").await;
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|row| row.state == "succeeded"), "{rows:?}");
    assert_eq!(rows.iter().filter(|row| row.trigger == "backfill").count(), 5);
    let again = admin.post(&format!("{path}/backfill")).json(range).await.expect(202).json();
    assert_eq!(actions(&again), ["leave"; 6]);
    let ledger = admin.get(&format!("{path}/ledger?from=2026-01-05T10:00:00Z")).await.expect(200).json();
    let outcomes: Vec<&str> =
        ledger["items"].as_array().unwrap().iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["ran"; 4]);
}

#[tokio::test]
async fn what_is_too_much_or_still_to_come_is_refused_and_nothing_runs() {
    let app = start().await;
    let admin = app.admin().await;
    let path = hourly(&admin).await;
    for (range, pointer) in [
        (json!({ "from": "2025-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z" }), "/to"),
        (json!({ "from": "2026-01-05T00:00:00Z", "to": "2026-01-06T00:00:00Z" }), "/to"),
        (json!({ "from": "2026-01-05T09:00:00Z", "to": "2026-01-05T08:00:00Z" }), "/from"),
    ] {
        let refused =
            admin.post(&format!("{path}/backfill")).json(range).await.expect_problem("validation-failed").json();
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    app.operator().await.post(&format!("{path}/backfill")).json(json!({})).await.expect(403);
    assert!(app.executions("engine.noop").await.is_empty());
}
