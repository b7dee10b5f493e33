//! Statistics, against the same numbers worked out here from the same rows.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use testkit::{START, TestApp};
use uuid::Uuid;

use super::{Row, refused, schedule};

const STATES: [&str; 5] = ["succeeded", "failed", "cancelled", "skipped", "missed"];

/// Rows of the last eight days, some of them on the very borders of windows and stretches.
fn rows(schedule: Uuid) -> Vec<Row> {
    let mut seed: u64 = 7;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let borders = [0, 1, 300_000_000, 3_600_000_000, 3_600_000_001, 86_400_000_000, 604_800_000_000, 604_799_999_999];
    let mut ages: Vec<i64> = borders.to_vec();
    for (count, within) in [(60, 3_600_000_000), (80, 86_400_000_000), (120, 8 * 86_400_000_000)] {
        ages.extend((0..count).map(|_| next(within) as i64));
    }
    let mut one = |age: i64| {
        let state = STATES[[0, 0, 0, 0, 1, 1, 2, 3, 4][next(9) as usize]];
        let finished = START - TimeDelta::microseconds(age);
        let ran = ["succeeded", "failed"].contains(&state) || (state == "cancelled" && next(2) == 0);
        let (scale_late, scale_took) = (1 << (1 + next(24)), 1 << (1 + next(15)));
        let (late, took) = (next(scale_late) as i64, next(scale_took) as i64);
        let started = finished - TimeDelta::milliseconds(took);
        Row {
            schedule: (next(3) == 0).then_some(schedule),
            run_at: if ran { started - TimeDelta::microseconds(late) } else { finished },
            started_at: ran.then_some(started),
            finished_at: Some(finished),
            duration_ms: ran.then_some(took),
            ..Row::new(state)
        }
    };
    ages.into_iter().map(&mut one).collect()
}

/// The values at the ranks of 50, 95 and 99 percent.
fn percentiles(mut values: Vec<i64>) -> Value {
    values.sort_unstable();
    let at = |percent: usize| values.get((values.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    json!({"samples": values.len(), "p50": at(50), "p95": at(95), "p99": at(99)})
}

fn counts(rows: &[&Row]) -> Value {
    STATES
        .iter()
        .map(|state| ((*state).to_owned(), json!(rows.iter().filter(|row| row.state == *state).count())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn ended<'a>(rows: &[&'a Row], from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<&'a Row> {
    rows.iter().filter(|row| row.finished_at.is_some_and(|at| at > from && at <= to)).copied().collect()
}

fn window(rows: &[&Row], stretches: i32, width: TimeDelta) -> Value {
    let from = START - width * stretches;
    let inside = ended(rows, from, START);
    let late = inside.iter().filter_map(|row| Some((row.started_at? - row.run_at).num_milliseconds())).collect();
    let took = inside.iter().filter_map(|row| row.duration_ms).collect();
    let state = |state: &str| inside.iter().filter(|row| row.state == state).count() as f64;
    let ran = state("succeeded") + state("failed");
    let buckets = (0..stretches).map(|index| {
        let (from, to) = (from + width * index, from + width * (index + 1));
        let here = ended(rows, from, to);
        let mut bucket = counts(&here);
        bucket["from"] = json!(from);
        bucket["to"] = json!(to);
        bucket["total"] = json!(here.len());
        bucket
    });
    json!({
        "from": from, "to": START, "total": inside.len(), "counts": counts(&inside),
        "success_rate": (ran > 0.0).then(|| state("succeeded") / ran),
        "lateness_ms": percentiles(late), "duration_ms": percentiles(took), "buckets": buckets.collect::<Vec<_>>(),
    })
}

#[tokio::test]
async fn every_number_is_what_the_rows_say() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    let (schedule, _) = schedule(&app).await;
    let rows = rows(schedule);
    for row in &rows {
        row.insert(&app).await;
    }
    Row { schedule: Some(schedule), ..Row::waiting() }.insert(&app).await;
    let all: Vec<&Row> = rows.iter().collect();
    let own: Vec<&Row> = rows.iter().filter(|row| row.schedule.is_some()).collect();
    let everything = ("/api/v1/executions/stats".to_owned(), all, Value::Null);
    let of_schedule = (format!("/api/v1/executions/stats/{schedule}"), own, json!(schedule));
    for (path, rows, schedule_id) in [everything, of_schedule] {
        let told = operator.get(&path).await.expect(200).json();
        assert_eq!((&told["schedule_id"], &told["at"]), (&schedule_id, &json!(START)), "{path}");
        assert_eq!(told["now"], json!({"queued": 1, "running": 0}));
        let hour = TimeDelta::hours(1);
        for (name, stretches, width) in [("hour", 12, TimeDelta::minutes(5)), ("day", 24, hour), ("week", 168, hour)] {
            let wanted = window(&rows, stretches, width);
            assert!(wanted["total"].as_i64() > Some(10), "{path} {name}: there is something to measure");
            assert_eq!(told[name], wanted, "{path} {name}");
        }
    }
}

#[tokio::test]
async fn where_nothing_ended_there_is_no_rate_and_every_stretch_is_empty() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    let (schedule, _) = schedule(&app).await;
    Row::new("skipped").insert(&app).await;
    let told = operator.get(&format!("/api/v1/executions/stats/{schedule}")).await.expect(200).json();
    let nothing = json!({"samples": 0, "p50": null, "p95": null, "p99": null});
    for (name, stretches) in [("hour", 12), ("day", 24), ("week", 168)] {
        let window = &told[name];
        assert_eq!((&window["success_rate"], &window["total"]), (&Value::Null, &json!(0)));
        assert_eq!((&window["lateness_ms"], &window["duration_ms"]), (&nothing, &nothing));
        let buckets = window["buckets"].as_array().unwrap();
        assert_eq!(buckets.len(), stretches);
        assert!(buckets.iter().all(|bucket| bucket["total"] == 0));
        assert_eq!((&buckets[0]["from"], &buckets[stretches - 1]["to"]), (&window["from"], &window["to"]));
    }
    let skipped = operator.get("/api/v1/executions/stats?window=hour").await.expect(200).json();
    assert_eq!((&skipped["hour"]["total"], &skipped["hour"]["success_rate"]), (&json!(1), &Value::Null));
    assert_eq!((skipped.get("day"), skipped.get("week")), (None, None), "only what was asked for");
}

#[tokio::test]
async fn a_window_or_schedule_that_does_not_exist_is_refused() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    assert_eq!(refused(operator.get("/api/v1/executions/stats?window=year").await), ["/window"]);
    assert_eq!(refused(operator.get("/api/v1/executions/stats/nightly").await), ["/id"]);
    operator.get(&format!("/api/v1/executions/stats/{}", Uuid::nil())).await.expect_problem("not-found");
}
