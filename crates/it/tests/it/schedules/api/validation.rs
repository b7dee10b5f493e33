//! Every refusal names its field, all of them at once, and nothing changes.

use serde_json::{Value, json};
use testkit::Person;

use super::{ALL, create, noop, pointers, refused, start};

async fn refuses(by: &Person<'_>, fields: Value, wanted: &[&str]) {
    let mut fields = noop(fields);
    if fields.get("name").is_none() {
        fields["name"] = json!("x");
    }
    let answer = by.post(ALL).json(fields.clone()).await;
    assert_eq!(answer.status, 422, "{fields}: {}", answer.text());
    assert_eq!(pointers(answer), wanted, "{fields}");
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let app = start().await;
    let admin = app.admin().await;
    let body = json!({
        "name": "", "description": 7, "cron_expression": "61 * * * *", "timezone": "Europe/Berln", "priority": 11,
        "tags": ["ok", ""], "max_retries": 11, "retry_delay": 0, "timeout_seconds": 0, "misfire_grace_seconds": -1,
        "catch_up": "some", "max_instances": 0, "max_runs": 0, "surprise": 1, "job": "engine.noop",
        "args": { "sleep_ms": -1 },
    });
    let found = refused(admin.post(ALL).json(body).await);
    let wanted = [
        "/args/sleep_ms",
        "/catch_up",
        "/cron_expression",
        "/description",
        "/max_instances",
        "/max_retries",
        "/max_runs",
        "/misfire_grace_seconds",
        "/name",
        "/priority",
        "/retry_delay",
        "/surprise",
        "/tags/1",
        "/timeout_seconds",
        "/timezone",
    ];
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted);
    assert!(found["/timezone"].contains("Europe/Berlin"), "{}", found["/timezone"]);
    assert!(found["/catch_up"].contains("latest"), "{}", found["/catch_up"]);
    assert_eq!(admin.get(ALL).await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn fields_of_another_type_are_refused_by_name() {
    let app = start().await;
    let admin = app.admin().await;
    for (fields, wanted) in [
        (
            json!({ "schedule_type": "cron", "interval_seconds": 60 }),
            ["/cron_expression", "/interval_seconds"].as_slice(),
        ),
        (
            json!({ "interval_seconds": 60, "dst_gap": "skip", "run_at": "2026-01-06T00:00:00Z" }),
            &["/dst_gap", "/run_at"],
        ),
        (
            json!({ "run_at": "2026-01-06T00:00:00Z", "end_at": "2026-01-07T00:00:00Z", "max_runs": 2 }),
            &["/end_at", "/max_runs"],
        ),
        (
            json!({ "schedule_type": "immediate", "run_at": "2026-01-06T00:00:00Z", "jitter_seconds": 5 }),
            &["/jitter_seconds", "/run_at"],
        ),
        (json!({ "schedule_type": "dependent" }), &["/after"]),
        (json!({ "cron_expression": "0 9 * * *", "phrase": "every day at 9am" }), &["/phrase"]),
        (json!({ "cron_expression": "0 9 * * *", "anchor": "2026-01-06T00:00:00Z" }), &["/anchor"]),
        (json!({ "interval_seconds": 60, "join": "any" }), &["/join"]),
        (json!({ "schedule_type": "one_time" }), &["/run_at"]),
        (json!({ "schedule_type": "interval" }), &["/interval_seconds"]),
        (json!({}), &["/schedule_type"]),
        (json!({ "schedule_type": "weekly" }), &["/schedule_type"]),
    ] {
        refuses(&admin, fields, wanted).await;
    }
}

#[tokio::test]
async fn bounds_hold_on_both_sides() {
    let app = start().await;
    let admin = app.admin().await;
    let rhythm = json!({ "interval_seconds": 60 });
    for (field, good, bad) in [
        ("name", json!(["é".repeat(255)]), json!(["", "x".repeat(256), "a\u{0}b", "a\u{7}b", 7])),
        ("description", json!(["", "x".repeat(2000)]), json!(["x".repeat(2001), "\u{0}"])),
        ("interval_seconds", json!([1, 31_536_000]), json!([0, 31_536_001, -1, 1.5, "60"])),
        ("priority", json!([1, 10]), json!([0, 11])),
        ("max_retries", json!([0, 10]), json!([-1, 11])),
        ("retry_delay", json!([1, 86_400]), json!([0, 86_401])),
        ("timeout_seconds", json!([1, 86_400]), json!([0, 86_401])),
        ("misfire_grace_seconds", json!([0, 31_536_000]), json!([-1, 31_536_001])),
        ("max_instances", json!([1, 1000]), json!([0, 1001])),
        ("max_runs", json!([1, 2_147_483_647]), json!([0, 2_147_483_648_u64])),
        ("jitter_seconds", json!([0, 86_400]), json!([-1, 86_401])),
        (
            "start_at",
            json!(["2026-01-06T00:00:00Z"]),
            json!(["2027-01-06T00:00:00Z", "tomorrow", "9999-01-01T00:00:00Z"]),
        ),
        ("anchor", json!(["2020-01-06T00:00:00Z"]), json!(["2027-01-06T00:00:00Z", "1969-12-31T00:00:00Z"])),
        ("tags", json!([vec!["t"; 20]]), json!([vec!["t"; 21]])),
    ] {
        for (number, value) in good.as_array().unwrap().iter().enumerate() {
            let mut fields = rhythm.clone();
            fields["name"] = json!(format!("{field} {number}"));
            fields[field] = value.clone();
            create(&admin, fields).await;
        }
        for value in bad.as_array().unwrap() {
            let mut fields = rhythm.clone();
            fields[field] = value.clone();
            let found = {
                fields["name"] = if field == "name" { value.clone() } else { json!("x") };
                fields
            };
            refuses(&admin, found, &[&format!("/{field}")]).await;
        }
    }
}

#[tokio::test]
async fn a_timing_that_is_never_due_is_refused() {
    let app = start().await;
    let admin = app.admin().await;
    let many = vec!["0 9 * * *"; 21];
    for (fields, wanted) in [
        (json!({ "cron_expression": "0 0 30 2 *" }), "/cron_expression"),
        (json!({ "cron_expression": "0 0 0 1 1 * 2020" }), "/cron_expression"),
        (json!({ "cron_expression": "not a cron" }), "/cron_expression"),
        (json!({ "cron_expressions": ["0 9 * * *", "x"] }), "/cron_expressions/1"),
        (json!({ "cron_expressions": [] }), "/cron_expressions"),
        (json!({ "cron_expressions": many }), "/cron_expressions"),
        (json!({ "phrase": "whenever it rains" }), "/phrase"),
        (json!({ "run_at": "2026-01-05T09:59:59Z" }), "/run_at"),
        (json!({ "run_at": "2027-01-05T10:00:01Z" }), "/run_at"),
        (json!({ "interval_seconds": 60, "end_at": "2026-01-05T09:00:00Z" }), "/end_at"),
        (
            json!({ "interval_seconds": 60, "start_at": "2026-01-07T00:00:00Z", "end_at": "2026-01-06T00:00:00Z" }),
            "/end_at",
        ),
        (json!({ "cron_expression": "0 9 * * *", "exclude": ["* * * * *"] }), "/exclude"),
        (json!({ "cron_expression": "0 9 * * *", "exclude": ["0 9 * * SUN", "61 * * * *"] }), "/exclude/1"),
        (json!({ "cron_expression": "0 9 * * *", "exclude": [{ "calendar": "none such" }] }), "/exclude/0"),
        (json!({ "cron_expression": "0 9 * * *", "exclude": { "calender": "x" } }), "/exclude"),
        (json!({ "cron_expression": "0 9 * * *", "calendar": "none such" }), "/calendar"),
        (json!({ "cron_expression": "0 9 * * *", "calendar": { "outside": "skip" } }), "/calendar"),
        (
            json!({ "cron_expression": "0 9 * * *", "calendar": { "name": "x", "outside": "never" } }),
            "/calendar/outside",
        ),
        (json!({ "phrase": "every day at 9am in Asia/Jakarta", "timezone": "UTC" }), "/timezone"),
    ] {
        refuses(&admin, fields, &[wanted]).await;
    }
}

#[tokio::test]
async fn a_phrase_outside_of_the_grammar_is_refused_with_suggestions() {
    let app = start().await;
    let admin = app.admin().await;
    for field in ["phrase", "cron_expression"] {
        let body = noop(json!({ "name": "x", field: "every weekday at 25am" }));
        let found = refused(admin.post(ALL).json(body).await);
        assert!(found[&format!("/{field}")].contains("try \""), "{found:?}");
    }
}

#[tokio::test]
async fn there_is_exactly_one_target_and_it_is_checked() {
    let app = start().await;
    let admin = app.admin().await;
    let rhythm = |target: Value| {
        let mut fields = target;
        (fields["name"], fields["interval_seconds"]) = (json!("x"), json!(60));
        fields
    };
    for (target, wanted) in [
        (json!({}), ["/job"].as_slice()),
        (json!({ "job": "no.such" }), &["/job"]),
        (json!({ "job": "accounts.purge_codes" }), &["/job"]),
        (json!({ "job": "engine.noop", "args": { "sleep_ms": "long" } }), &["/args/sleep_ms"]),
        (json!({ "job": "engine.noop", "args": [] }), &["/args"]),
    ] {
        assert_eq!(pointers(admin.post(ALL).json(rhythm(target.clone())).await), wanted, "{target}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_json_objects_are_refused() {
    let app = start().await;
    let admin = app.admin().await;
    admin.post(ALL).header("content-type", "application/json").body("{").await.expect_problem("malformed-request");
    admin.post(ALL).body("{}").await.expect_problem("unsupported-media-type");
    for body in [json!([]), json!("x"), json!(null)] {
        admin.post(ALL).json(body).await.expect_problem("validation-failed");
    }
}
