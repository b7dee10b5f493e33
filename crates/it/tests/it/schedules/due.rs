//! The tick: each due time leaves exactly one row, however late and however many tick.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jobs::{Noop, executions::Execution};
use kernel::Rng;
use schedules::{Recurring, StoredTiming};
use serde_json::json;
use store::Sql;
use testkit::{START, TestApp};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

async fn declare(app: &TestApp, cron: &'static str) {
    let drill = Recurring::new("drill", cron, &Noop::default());
    schedules::upsert_declared(app.db(), &[drill], &app.registry()).await.unwrap();
}

async fn rows(app: &TestApp) -> Vec<Execution> {
    let mut rows = app.executions("engine.noop").await;
    rows.sort_by_key(|row| row.scheduled_for);
    rows
}

fn states(rows: &[Execution]) -> Vec<&str> {
    rows.iter().map(|row| row.state.as_str()).collect()
}

#[tokio::test]
async fn it_runs_at_its_time_and_not_before() {
    let app = TestApp::start().await;
    declare(&app, "0 11 * * *").await;
    app.go_to("2026-01-05T10:59:59.999999Z");
    assert_eq!(app.tick().await.due, 0);
    app.advance(Duration::from_micros(1));
    assert_eq!(app.tick().await.written, 1);
    assert_eq!(app.tick().await.written, 0);
    let rows = rows(&app).await;
    assert_eq!(rows[0].scheduled_for.unwrap().to_rfc3339(), "2026-01-05T11:00:00+00:00");
    assert_eq!((rows[0].trigger.as_str(), rows[0].triggered_by.as_deref()), ("schedule", Some("schedule drill")));
    app.drain_jobs().await;
}

#[tokio::test]
async fn however_many_tick_at_once_a_due_time_is_enqueued_once() {
    let app = TestApp::start().await;
    declare(&app, "* * * * *").await;
    for _ in 0..5 {
        app.advance(MINUTE);
        let (a, b, c) = tokio::join!(app.tick(), app.tick(), app.tick());
        assert_eq!(a.written + b.written + c.written, 1);
        app.drain_jobs().await;
    }
    assert_eq!(states(&rows(&app).await), ["succeeded"; 5]);
}

#[tokio::test]
async fn while_a_run_is_not_over_the_next_is_skipped_and_says_why() {
    let app = TestApp::start().await;
    declare(&app, "* * * * *").await;
    for _ in 0..3 {
        app.advance(MINUTE);
        app.tick().await;
    }
    let rows = rows(&app).await;
    assert_eq!(states(&rows), ["queued", "skipped", "skipped"]);
    assert_eq!(rows[1].message.as_deref(), Some("an earlier run of this schedule is not over"));
    assert!(rows[1].finished_at.is_some());
    app.drain_jobs().await;
}

#[tokio::test]
async fn each_overlap_policy_does_what_it_says() {
    for (policy, wanted) in [
        ("queue_one", ["queued", "skipped", "skipped"]),
        ("allow", ["queued", "queued", "skipped"]),
        ("cancel_running", ["cancelled", "cancelled", "queued"]),
    ] {
        let app = TestApp::start().await;
        declare(&app, "* * * * *").await;
        let set = "update schedules set overlap = $1, max_instances = 2";
        app.db().conn().run(set, [policy.into()]).await.unwrap();
        for _ in 0..3 {
            app.advance(MINUTE);
            app.tick().await;
        }
        assert_eq!(states(&rows(&app).await), wanted, "{policy}");
        app.drain_jobs().await;
    }
}

#[tokio::test]
async fn what_was_due_while_nothing_ran_is_one_run_and_one_missed_range() {
    let app = TestApp::start().await;
    declare(&app, "0 * * * *").await;
    app.advance(4 * HOUR + 10 * MINUTE);
    assert_eq!(app.tick().await.written, 2);
    let rows = rows(&app).await;
    assert_eq!(states(&rows), ["missed", "queued"]);
    let extent =
        json!({ "from": "2026-01-05T11:00:00Z", "to": "2026-01-05T13:00:00Z", "count": 3, "cause": "collapsed" });
    assert_eq!(rows[0].result, Some(extent));
    assert!(rows[0].message.as_deref().unwrap().contains("3 due times"), "{rows:?}");
    assert_eq!(rows[1].scheduled_for.unwrap().to_rfc3339(), "2026-01-05T14:00:00+00:00");
    assert!(rows[1].triggered_by.as_deref().unwrap().contains("caught up 600 s late"), "{rows:?}");
    app.drain_jobs().await;
}

#[tokio::test]
async fn catching_up_can_mean_each_of_them_one_after_the_other() {
    let app = TestApp::start().await;
    declare(&app, "0 * * * *").await;
    app.db().conn().run("update schedules set catch_up = 'all'", []).await.unwrap();
    app.advance(4 * HOUR + 10 * MINUTE);
    for run in 1..=4 {
        app.tick().await;
        app.tick().await;
        assert_eq!(states(&rows(&app).await).iter().filter(|state| **state == "queued").count(), 1, "run {run}");
        app.drain_jobs().await;
        app.advance(Duration::from_secs(2));
    }
    app.tick().await;
    let rows = rows(&app).await;
    assert_eq!(states(&rows), ["succeeded"; 4]);
    let hours: Vec<String> = rows.iter().map(|row| row.scheduled_for.unwrap().format("%H").to_string()).collect();
    assert_eq!(hours, ["11", "12", "13", "14"]);
    let schedule = schedules::read::find_by_name(app.db(), "drill").await.unwrap().unwrap();
    assert_eq!(schedule.next_run_at.unwrap().to_rfc3339(), "2026-01-05T15:00:00+00:00");
}

#[tokio::test]
async fn catching_up_can_mean_none_of_them() {
    let app = TestApp::start().await;
    declare(&app, "0 * * * *").await;
    app.db().conn().run("update schedules set catch_up = 'none'", []).await.unwrap();
    app.advance(4 * HOUR + 10 * MINUTE);
    app.tick().await;
    assert_eq!(states(&rows(&app).await), ["missed"]);
}

#[tokio::test]
async fn later_than_its_grace_a_run_is_missed_and_the_next_one_runs() {
    let app = TestApp::start().await;
    let drill = Recurring::new("drill", "0 * * * *", &Noop::default()).misfire_grace(10 * MINUTE);
    schedules::upsert_declared(app.db(), &[drill], &app.registry()).await.unwrap();
    app.advance(HOUR + 11 * MINUTE);
    app.tick().await;
    app.advance(49 * MINUTE);
    app.tick().await;
    let rows = rows(&app).await;
    assert_eq!(states(&rows), ["missed", "queued"]);
    assert!(rows[0].message.as_deref().unwrap().contains("grace of 600 s"), "{rows:?}");
    app.drain_jobs().await;
}

#[tokio::test]
async fn a_schedule_that_cannot_be_read_is_disabled_and_the_others_go_on() {
    let app = TestApp::start().await;
    app.allow_error("the schedule is not valid; it is disabled");
    let good = Recurring::new("good", "* * * * *", &Noop::default());
    let bad = Recurring::new("bad", "* * * * *", &Noop::default());
    schedules::upsert_declared(app.db(), &[good, bad], &app.registry()).await.unwrap();
    let broken = "update schedules set args = '{\"sleep_ms\": \"long\"}' where name = 'bad'";
    app.db().conn().run(broken, []).await.unwrap();
    app.advance(MINUTE);
    app.tick().await;
    let rows = rows(&app).await;
    let mut left = states(&rows);
    left.sort_unstable();
    assert_eq!(left, ["missed", "queued"], "the due time of the bad one leaves its row too");
    let bad = schedules::read::find_by_name(app.db(), "bad").await.unwrap().unwrap();
    assert_eq!(bad.state, "disabled");
    assert!(bad.state_reason.unwrap().contains("engine.noop"));
    app.drain_jobs().await;
}

/// The due times that a row stands for.
fn accounted(row: &Execution) -> u64 {
    match row.state.as_str() {
        "missed" => row.result.as_ref().and_then(|extent| extent["count"].as_u64()).unwrap(),
        _ => 1,
    }
}

#[tokio::test]
async fn whenever_the_ticks_come_every_due_time_is_accounted_for() {
    let cron = "*/20 9-17 * * MON-FRI";
    for seed in 1..=3 {
        let (app, chance) = (TestApp::start().await, Rng::seeded(seed));
        declare(&app, cron).await;
        for _ in 0..40 {
            // From seconds to half a day without a worker; work is done now and then.
            app.advance(Duration::from_secs_f64(chance.unit().powi(4) * 43_200.0));
            app.tick().await;
            if chance.unit() < 0.7 {
                app.drain_jobs().await;
            }
        }
        app.drain_jobs().await;
        let now: DateTime<Utc> = app.clock().now();
        let spec = StoredTiming::utc_cron(cron).spec().unwrap();
        let due = spec.occurrences(START).take_while(|run| run.at <= now).count() as u64;
        let rows = rows(&app).await;
        assert_eq!(rows.iter().map(accounted).sum::<u64>(), due, "seed {seed}");
        assert!(due > 20, "seed {seed}: {due} due times prove little");
    }
}
