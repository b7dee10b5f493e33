//! Previews: when a timing is due.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::Person;

use super::{at, create, pointers, start};

const PREVIEW: &str = "/api/v1/schedules/preview";

async fn preview(by: &Person<'_>, spec: Value) -> Value {
    by.post(PREVIEW).json(spec).await.expect(200).json()
}

fn instants(preview: &Value) -> Vec<DateTime<Utc>> {
    let items = preview["items"].as_array().unwrap().iter();
    items.map(|item| item["at"].as_str().unwrap().parse().unwrap()).collect()
}

#[derive(Deserialize)]
struct Case {
    expr: String,
    tz: String,
    after: DateTime<Utc>,
    expected: Vec<DateTime<Utc>>,
    dom_dow: Option<String>,
    fits_policy: Vec<String>,
    source: String,
}

impl Case {
    /// `A | B` is a union, `A ! B` leaves out B, `@every Ns/Ps` counts from the epoch with a phase.
    fn spec(&self) -> Value {
        let list = |text: &str| -> Vec<String> { text.split('|').map(|expr| self.both(expr.trim())).collect() };
        let (run, exclude) = self.expr.split_once('!').unwrap_or((&self.expr, ""));
        let count = self.expected.len().max(1);
        let mut spec = json!({ "timezone": self.tz, "from": self.after, "count": count });
        match run.trim().strip_prefix("@every ") {
            Some(every) => {
                let (every, phase) = every.split_once('/').unwrap_or((every, "0s"));
                let seconds = |text: &str| text.trim().strip_suffix('s').unwrap().parse::<i64>().unwrap();
                spec["interval_seconds"] = json!(seconds(every));
                spec["anchor"] = json!(DateTime::from_timestamp(seconds(phase), 0).unwrap());
            }
            None if run.contains('|') => spec["cron_expressions"] = json!(list(run)),
            None => spec["cron_expression"] = json!(self.both(run.trim())),
        }
        if !exclude.is_empty() {
            spec["exclude"] = json!(list(exclude));
        }
        spec
    }

    /// Where both day fields must match, the expression says so with a `+`.
    fn both(&self, expr: &str) -> String {
        let mut fields: Vec<String> = expr.split_whitespace().map(str::to_owned).collect();
        if self.dom_dow.as_deref() == Some("and") && fields.len() > 1 {
            let weekday = if fields.len() == 5 { 4 } else { 5 };
            if !fields[weekday].starts_with(['*', '?', '+']) {
                fields[weekday].insert(0, '+');
            }
        }
        fields.join(" ")
    }
}

#[tokio::test]
async fn every_collected_case_of_the_default_policy_is_answered_exactly() {
    let app = start().await;
    let operator = app.operator().await;
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../../../../schedules/tests-data/cron_cases.json")).unwrap();
    let (mut asked, mut wrong) = (0, Vec::new());
    for case in cases.iter().filter(|case| case.fits_policy.iter().any(|policy| policy == "cronie")) {
        asked += 1;
        let answer = operator.post(PREVIEW).json(case.spec()).await;
        let found = match answer.status {
            200 => instants(&answer.json()),
            // An expression that can never match is refused; the table says so with an empty list.
            _ if case.expected.is_empty() => {
                pointers(answer);
                Vec::new()
            }
            _ => panic!("{}: {}", case.expr, answer.text()),
        };
        if found != case.expected {
            wrong.push(format!("{} in {} after {} ({}): {found:?}", case.expr, case.tz, case.after, case.source));
        }
    }
    assert_eq!(asked, 169);
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_change_of_the_clock_is_marked_where_it_moves_or_drops_a_run() {
    let app = start().await;
    let operator = app.operator().await;
    let spring = json!({ "cron_expression": "30 2 * * *", "timezone": "Europe/Berlin", "from": "2026-03-28T12:00:00Z", "count": 2 });
    let found = preview(&operator, spring.clone()).await;
    let moved = &found["items"][0];
    assert_eq!((&moved["at"], &moved["local"]), (&json!("2026-03-29T01:00:00Z"), &json!("2026-03-29T03:00:00+02:00")));
    assert_eq!(moved["note_kind"], "dst_moved");
    assert!(!moved["note"].as_str().unwrap().is_empty());
    assert_eq!(found["items"][1].get("note"), None);
    let mut skipping = spring;
    skipping["dst_gap"] = json!("skip");
    let found = preview(&operator, skipping).await;
    assert_eq!(found["items"][0]["at"], "2026-03-30T00:30:00Z");
    assert_eq!(
        (&found["dropped"][0]["local"], &found["dropped"][0]["reason"]),
        (&json!("2026-03-29T02:30:00"), &json!("dst_gap"))
    );
}

#[tokio::test]
async fn a_calendar_is_marked_where_it_moves_or_drops_a_run() {
    let app = start().await;
    let admin = app.admin().await;
    let hours = json!([{ "open": "09:00", "close": "18:00" }]);
    let rules = json!({ "timezone": "Asia/Jakarta", "weekly": { "mon": hours, "tue": hours, "wed": hours, "thu": hours, "fri": hours } });
    let calendar =
        admin.post("/api/v1/calendars").json(json!({ "name": "office", "rules": rules })).await.expect(201).json();
    // Friday evening to Monday morning.
    let spec = json!({ "cron_expression": "0 20 * * *", "timezone": "Asia/Jakarta", "from": "2026-01-09T02:00:00Z", "count": 1 });
    for calendar in
        [json!("office"), calendar["id"].clone(), json!({ "id": calendar["id"] }), json!({ "name": "office" })]
    {
        let mut inside = spec.clone();
        (inside["cron_expression"], inside["calendar"]) = (json!("0 10 * * *"), calendar);
        let found = preview(&admin, inside).await;
        assert_eq!(found["items"][0]["at"], "2026-01-09T03:00:00Z");
    }
    let mut moved = spec;
    moved["calendar"] = json!({ "name": "office", "outside": "next_open" });
    let found = preview(&admin, moved).await;
    assert_eq!(found["items"][0]["at"], "2026-01-12T02:00:00Z", "{found}");
    assert_eq!(found["items"][0]["note_kind"], "moved_to_opening");
    let dropped: Vec<&Value> = found["dropped"].as_array().unwrap().iter().map(|lost| &lost["reason"]).collect();
    assert_eq!(dropped, ["moved_to_opening", "moved_to_opening"], "Friday and Saturday: Sunday's run stands for them");
    let skip = json!({ "name": "inside", "cron_expression": "0 20,10 * * *", "timezone": "Asia/Jakarta", "calendar": "office", "exclude": [{ "calendar": "office" }] });
    let mut never = skip;
    never["job"] = json!("engine.noop");
    let refused = pointers(admin.post(super::ALL).json(never).await);
    assert_eq!(refused.len(), 1);
}

#[tokio::test]
async fn there_are_fewer_items_when_there_are_no_more() {
    let app = start().await;
    let operator = app.operator().await;
    for (spec, wanted) in [
        (json!({ "interval_seconds": 60, "count": 1000 }), 1000),
        (json!({ "interval_seconds": 60 }), 10),
        (json!({ "interval_seconds": 60, "end_at": "2026-01-05T10:03:30Z", "count": 50 }), 3),
        (json!({ "interval_seconds": 60, "max_runs": 2, "count": 50 }), 2),
        (json!({ "run_at": "2026-01-05T10:00:01Z", "count": 5 }), 1),
        (json!({ "run_at": "2026-01-05T10:00:00Z", "count": 5 }), 0),
        (json!({ "run_at": "2026-01-05T10:00:00Z", "from": "2026-01-05T09:00:00Z" }), 1),
        (json!({ "phrase": "every 15 minutes between 9am and 10am", "count": 4 }), 4),
    ] {
        assert_eq!(instants(&preview(&operator, spec.clone()).await).len(), wanted, "{spec}");
    }
}

#[tokio::test]
async fn an_invalid_or_impossible_timing_is_refused() {
    let app = start().await;
    let operator = app.operator().await;
    for (spec, wanted) in [
        (json!({ "cron_expression": "0 0 30 2 *" }), ["/cron_expression"].as_slice()),
        (json!({ "cron_expression": "x", "timezone": "Mars" }), &["/cron_expression", "/timezone"]),
        (json!({ "interval_seconds": 0 }), &["/interval_seconds"]),
        (json!({}), &["/schedule_type"]),
        (json!({ "interval_seconds": 60, "count": 0 }), &["/count"]),
        (json!({ "interval_seconds": 60, "count": 1001 }), &["/count"]),
        (json!({ "interval_seconds": 60, "count": "3", "from": "noon" }), &["/count", "/from"]),
        (json!({ "interval_seconds": 60, "job": "engine.noop", "a/b": 1 }), &["/a~1b", "/job"]),
        (json!({ "cron_expression": "0 9 * * *", "exclude": "* * * * *" }), &["/exclude"]),
        (json!({ "cron_expression": "0 9 * * *", "calendar": "none" }), &["/calendar"]),
    ] {
        assert_eq!(pointers(operator.post(PREVIEW).json(spec.clone()).await), wanted, "{spec}");
    }
}

#[tokio::test]
async fn a_schedule_shows_when_it_runs_next() {
    let app = start().await;
    let admin = app.admin().await;
    let made = create(
        &admin,
        json!({ "name": "a", "cron_expression": "0 9 * * *", "timezone": "Asia/Jakarta", "max_runs": 3 }),
    )
    .await;
    let found = admin.get(&at(&made, "/preview?count=10")).await.expect(200).json();
    assert_eq!(found["items"].as_array().unwrap().len(), 3);
    assert_eq!(found["items"][0], json!({ "at": "2026-01-06T02:00:00Z", "local": "2026-01-06T09:00:00+07:00" }));
    let later = admin.get(&at(&made, "/preview?count=1&from=2026-02-01T02:00:00Z")).await.expect(200).json();
    assert_eq!(later["items"][0]["at"], "2026-02-02T02:00:00Z");
    for (query, wanted) in [("count=0", "/count"), ("count=1001", "/count"), ("from=x", "/from")] {
        assert_eq!(pointers(admin.get(&at(&made, &format!("/preview?{query}"))).await), [wanted]);
    }
}

#[tokio::test]
async fn the_jobs_that_can_be_scheduled_come_with_the_schema_of_their_arguments() {
    let app = start().await;
    let operator = app.operator().await;
    let jobs = operator.get("/api/v1/schedules/jobs").await.expect(200).json();
    let noop = jobs["items"].as_array().unwrap().iter().find(|job| job["job"] == "engine.noop").unwrap();
    assert_eq!(noop["args_schema"]["properties"]["sleep_ms"]["type"], "integer");
    assert!(jobs["items"].as_array().unwrap().iter().all(|job| job["job"] != "accounts.purge_codes"));
    // Words of the API are not taken for ids.
    operator.get("/api/v1/schedules/preview").await.expect_problem("method-not-allowed");
    operator.get("/api/v1/schedules/nonsense").await.expect_problem("validation-failed");
}
