//! Business calendars: kept through the API, and followed by the schedules that use them.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Person, TestApp};

use super::start;

const HOUR: Duration = Duration::from_secs(3600);

fn office(name: &str, holidays: &[&str]) -> Value {
    let day = json!([{ "open": "09:00", "close": "18:00" }]);
    json!({ "name": name, "rules": {
        "timezone": "Asia/Jakarta", "holidays": holidays,
        "weekly": { "mon": day, "tue": day, "wed": day, "thu": day, "fri": day },
    } })
}

async fn create(by: &Person<'_>, calendar: Value) -> Value {
    by.post("/api/v1/calendars").json(calendar).await.expect(201).json()
}

async fn replace(app: &TestApp, by: &Person<'_>, calendar: &Value, with: Value) -> Value {
    let path = format!("/api/v1/calendars/{}", calendar["id"].as_str().unwrap());
    let tag = by.get(&path).await.expect(200).header("etag").to_owned();
    app.request(Method::PUT, &path)
        .bearer(&by.access_token)
        .header("if-match", &tag)
        .json(with)
        .await
        .expect(200)
        .json()
}

#[tokio::test]
async fn a_calendar_is_made_listed_changed_and_deleted() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(&admin, office("jakarta", &["--12-25"])).await;
    assert_eq!((&made["version"], &made["rules"]["holidays"]), (&json!(1), &json!(["--12-25"])));
    admin.post("/api/v1/calendars").json(office("jakarta", &[])).await.expect_problem("calendar-name-taken");
    let changed = replace(&app, &admin, &made, office("jakarta-office", &[])).await;
    assert_eq!((&changed["version"], &changed["name"]), (&json!(2), &json!("jakarta-office")));
    let listed = admin.get("/api/v1/calendars").await.expect(200).json();
    assert_eq!(listed["items"], json!([changed]));
    let path = format!("/api/v1/calendars/{}", made["id"].as_str().unwrap());
    let stale = app.request(Method::PUT, &path).bearer(&admin.access_token).header("if-match", "\"1\"");
    stale.json(office("x", &[])).await.expect(412);
    app.request(Method::PUT, &path).bearer(&admin.access_token).json(office("x", &[])).await.expect(428);
    app.operator().await.delete(&path).await.expect(403);
    admin.delete(&path).await.expect(204);
    admin.get(&path).await.expect(404);
    create(&admin, office("jakarta-office", &[])).await;
}

#[tokio::test]
async fn what_is_wrong_with_its_rules_is_told_field_by_field() {
    let app = start().await;
    let admin = app.admin().await;
    let wrong = json!({ "name": "wrong", "rules": {
        "timezone": "Asia/Atlantis", "weekly": { "mon": [{ "open": "18:00", "close": "09:00" }] }, "holidays": ["2026-13-01"],
    } });
    let refused = admin.post("/api/v1/calendars").json(wrong).await.expect_problem("validation-failed").json();
    let pointers: Vec<&str> =
        refused["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for wanted in ["/rules/timezone", "/rules/weekly/mon/0/close", "/rules/holidays/0"] {
        assert!(pointers.contains(&wanted), "{pointers:?}");
    }
    let never = json!({ "name": "never", "rules": { "timezone": "UTC" } });
    admin.post("/api/v1/calendars").json(never).await.expect_problem("validation-failed");
}

#[tokio::test]
async fn a_changed_calendar_moves_its_schedules_at_once_and_not_what_was_due_before() {
    let app = start().await;
    let admin = app.admin().await;
    let calendar = create(&admin, office("jakarta", &[])).await;
    let schedule = json!({
        "name": "desk", "job": "engine.noop", "cron_expression": "0 10 * * *", "timezone": "Asia/Jakarta", "calendar": "jakarta",
    });
    let schedule = admin.post("/api/v1/schedules").json(schedule).await.expect(201).json();
    let path = format!("/api/v1/schedules/{}", schedule["id"].as_str().unwrap());
    assert_eq!(schedule["next_run_at"], "2026-01-06T03:00:00Z", "Tuesday, 10:00 in Jakarta");
    replace(&app, &admin, &calendar, office("jakarta", &["2026-01-06"])).await;
    let moved = admin.get(&path).await.expect(200).json();
    assert_eq!(moved["next_run_at"], "2026-01-07T03:00:00Z");

    app.advance(48 * HOUR); // Wednesday evening: its due time has passed, and no tick has seen it
    replace(&app, &admin, &calendar, office("jakarta", &["2026-01-06", "2026-01-07"])).await;
    let executions = admin.get(&format!("{path}/executions")).await.expect(200).json();
    assert_eq!(executions["items"][0]["scheduled_for"], "2026-01-07T03:00:00Z", "it was open when that was due");
    let ledger = admin.get(&format!("{path}/ledger?from=2026-01-05T10:00:00Z")).await.expect(200).json();
    let outcomes: Vec<&str> =
        ledger["items"].as_array().unwrap().iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["skipped", "missed"], "Tuesday was a holiday; on Wednesday no worker ran");
}

#[tokio::test]
async fn a_calendar_in_use_stays() {
    let app = start().await;
    let admin = app.admin().await;
    let calendar = create(&admin, office("jakarta", &[])).await;
    let schedule =
        json!({ "name": "desk", "job": "engine.noop", "cron_expression": "0 10 * * *", "calendar": "jakarta" });
    let schedule = admin.post("/api/v1/schedules").json(schedule).await.expect(201).json();
    let path = format!("/api/v1/calendars/{}", calendar["id"].as_str().unwrap());
    let refused = admin.delete(&path).await.expect_problem("calendar-in-use").json();
    assert_eq!(refused["schedules"], 1);
    admin.delete(&format!("/api/v1/schedules/{}", schedule["id"].as_str().unwrap())).await.expect(204);
    admin.delete(&path).await.expect(204);
}
