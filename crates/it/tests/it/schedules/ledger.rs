//! The ledger: every due time in a range, with what became of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::Rng;
use serde_json::{Value, json};
use store::Sql;
use testkit::Person;

use super::start;

const MINUTE: Duration = Duration::from_secs(60);

async fn create(by: &Person<'_>, fields: Value) -> String {
    let mut whole = json!({ "name": "drill", "job": "engine.noop" });
    whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    by.post("/api/v1/schedules").json(whole).await.expect(201).json()["id"].as_str().unwrap().to_owned()
}

async fn entries(by: &Person<'_>, id: &str, query: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/schedules/{id}/ledger?limit=200{query}{cursor}");
        let page = by.get(&path).await.expect(200).json();
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn words(entries: &[Value]) -> Vec<String> {
    let word = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    entries
        .iter()
        .map(|entry| format!("{} {}", word(entry, "outcome"), word(entry, "cause")).trim().to_owned())
        .collect()
}

async fn control(by: &Person<'_>, id: &str, what: &str, body: Value) {
    let status = by.post(&format!("/api/v1/schedules/{id}/{what}")).json(body).await.status;
    assert!(status < 300, "{what}: {status}");
}

#[tokio::test]
async fn each_due_time_says_what_became_of_it() {
    let app = start().await;
    let admin = app.admin().await;
    let id = create(&admin, json!({ "cron_expression": "*/10 * * * *", "overlap": "skip" })).await;
    app.advance(10 * MINUTE);
    app.tick().await; // 10:10 waits
    app.advance(10 * MINUTE);
    app.tick().await; // 10:20 is skipped: the first is not over
    app.drain_jobs().await;
    app.advance(35 * MINUTE);
    app.tick().await; // 10:30, 10:40 were missed, 10:50 caught up
    app.drain_jobs().await;
    control(&admin, &id, "pause", json!({ "reason": "an inspection" })).await;
    app.advance(10 * MINUTE); // 11:00, paused
    control(&admin, &id, "resume", json!({})).await;
    let listed = entries(&admin, &id, "&to=2026-01-05T11:15:00Z").await;
    let wanted =
        ["ran", "skipped overlap", "collapsed collapsed", "collapsed collapsed", "ran", "skipped paused", "upcoming"];
    assert_eq!(words(&listed), wanted);
    assert_eq!(listed[0]["execution_state"], "succeeded");
    assert_eq!(listed[5]["reason"], "the schedule was paused: an inspection");
    assert_eq!(listed[2]["execution_id"], listed[3]["execution_id"], "one row stands for the range");
}

#[tokio::test]
async fn what_is_later_than_its_grace_or_not_to_be_caught_up_was_missed() {
    let app = start().await;
    let admin = app.admin().await;
    let late =
        create(&admin, json!({ "name": "late", "cron_expression": "0 * * * *", "misfire_grace_seconds": 60 })).await;
    let none = create(&admin, json!({ "name": "none", "cron_expression": "0 * * * *", "catch_up": "none" })).await;
    app.advance(90 * MINUTE);
    app.tick().await;
    assert_eq!(words(&entries(&admin, &late, "").await), ["missed too_late"]);
    assert_eq!(words(&entries(&admin, &none, "").await), ["missed no_worker"]);
}

#[tokio::test]
async fn a_due_time_is_judged_by_the_timing_of_its_day() {
    let app = start().await;
    let admin = app.admin().await;
    let id = create(&admin, json!({ "cron_expression": "0 * * * *" })).await;
    app.advance(61 * MINUTE);
    app.tick().await;
    app.drain_jobs().await;
    let tag = admin.get(&format!("/api/v1/schedules/{id}")).await.expect(200).header("etag").to_owned();
    let change = json!({ "cron_expression": "30 * * * *" });
    admin.patch(&format!("/api/v1/schedules/{id}")).header("if-match", &tag).json(change).await.expect(200);
    app.advance(29 * MINUTE);
    app.tick().await;
    app.drain_jobs().await;
    let listed = entries(&admin, &id, "").await;
    let times: Vec<&str> = listed.iter().map(|entry| entry["due_at"].as_str().unwrap()).collect();
    assert_eq!(times, ["2026-01-05T11:00:00Z", "2026-01-05T11:30:00Z"]);
    assert_eq!(words(&listed), ["ran", "ran"]);
}

#[tokio::test]
async fn times_outside_its_calendar_are_listed_as_such() {
    let app = start().await;
    let admin = app.admin().await;
    let rules = json!({ "timezone": "UTC", "weekly": { "mon": [{ "open": "09:00", "close": "12:00" }], "tue": [{ "open": "09:00", "close": "12:00" }] } });
    admin.post("/api/v1/calendars").json(json!({ "name": "mornings", "rules": rules })).await.expect(201);
    let skip = json!({ "name": "skip", "cron_expression": "0 * * * *", "calendar": { "name": "mornings", "outside": "skip" } });
    let wait = json!({ "name": "wait", "cron_expression": "0 * * * *", "calendar": { "name": "mornings", "outside": "next_open" } });
    let (skip, wait) = (create(&admin, skip).await, create(&admin, wait).await);
    for _ in 0..24 {
        app.advance(60 * MINUTE);
        app.tick().await;
        app.drain_jobs().await;
    }
    let skipped = words(&entries(&admin, &skip, "").await);
    assert_eq!(skipped[0], "ran", "11:00");
    assert_eq!(skipped[1..22], vec!["skipped calendar"; 21], "12:00 to 08:00");
    assert_eq!(skipped[22..], ["ran", "ran"], "09:00 and 10:00");
    let waited = entries(&admin, &wait, "").await;
    assert_eq!(words(&waited)[1..22], vec!["collapsed calendar"; 21]);
    assert_eq!(waited[1]["run_at"], "2026-01-06T09:00:00Z");
}

#[tokio::test]
async fn a_wrong_range_is_refused_by_name() {
    let app = start().await;
    let admin = app.admin().await;
    let id = create(&admin, json!({ "cron_expression": "0 * * * *" })).await;
    let path = format!("/api/v1/schedules/{id}/ledger?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z");
    let refused = admin.get(&path).await.expect_problem("validation-failed").json();
    assert_eq!(refused["errors"][0]["pointer"], "/from");
    admin.get("/api/v1/schedules/0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e/ledger").await.expect(404);
    app.reader().await.get(&format!("/api/v1/schedules/{id}/ledger")).await.expect(403);
}

/// The due times of a minutely schedule between two instants.
fn minutes(from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<String> {
    let first = (from.timestamp() / 60 + 1) * 60;
    (first..=to.timestamp())
        .step_by(60)
        .map(|at| DateTime::from_timestamp(at, 0).unwrap().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
        .collect()
}

#[tokio::test]
async fn whatever_happens_no_due_time_is_without_an_entry() {
    for seed in 1..=3 {
        let (app, chance) = (start().await, Rng::seeded(seed));
        let admin = app.admin().await;
        let policy = ["latest", "all", "none"][seed as usize % 3];
        let began = app.clock().now();
        let id = create(&admin, json!({ "cron_expression": "* * * * *", "catch_up": policy })).await;
        let mut paused = false;
        for _ in 0..40 {
            app.advance(Duration::from_secs_f64(chance.unit().powi(3) * 900.0));
            match (chance.unit() * 6.0) as u32 {
                0 if paused => control(&admin, &id, "resume", json!({})).await,
                0 => control(&admin, &id, "pause", json!({ "reason": "a drill" })).await,
                1 | 2 => {
                    app.drain_all_jobs().await;
                }
                _ => {
                    app.tick().await;
                }
            }
            paused = admin.get(&format!("/api/v1/schedules/{id}")).await.json()["status"] == "paused";
        }
        for _ in 0..50 {
            app.drain_all_jobs().await;
            app.advance(Duration::from_millis(1200));
            app.tick().await;
        }
        let now = app.clock().now();
        let listed = entries(&admin, &id, &format!("&from={}", began.format("%FT%TZ"))).await;
        let times: Vec<String> = listed.iter().map(|entry| entry["due_at"].as_str().unwrap().to_owned()).collect();
        assert_eq!(times, minutes(began, now), "seed {seed}");
        let open: Vec<&Value> = listed
            .iter()
            .filter(|entry| matches!(entry["outcome"].as_str(), Some("pending" | "forgotten" | "upcoming")))
            .collect();
        assert!(open.is_empty(), "seed {seed}: {open:?}");
        let twice = "select count(*) from (select 1 from executions where schedule_id is not null group by schedule_id, scheduled_for having count(*) > 1) twice";
        assert_eq!(app.db().conn().scalar::<i64, _>(twice, []).await.unwrap(), Some(0));
        app.drain_all_jobs().await;
    }
}
