//! Schedules that run after others.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Person, TestApp};

use super::{ALL, at, create, noop, pointers, runs, start, states};

/// One that runs by hand only, for as long as a test lasts.
async fn root(by: &Person<'_>, name: &str, args: Value) -> Value {
    create(by, json!({ "name": name, "interval_seconds": 31_536_000, "args": args })).await
}

async fn after(by: &Person<'_>, name: &str, after: Value) -> Value {
    create(by, json!({ "name": name, "after": after })).await
}

/// Runs everything that follows.
async fn settle(app: &TestApp) {
    for _ in 0..6 {
        app.drain_jobs().await;
        app.tick().await;
    }
}

#[tokio::test]
async fn a_chain_runs_in_order_under_one_correlation_id() {
    let app = start().await;
    let admin = app.admin().await;
    let first = root(&admin, "a", json!({})).await;
    let second = after(&admin, "b", json!([{ "schedule_id": first["id"] }])).await;
    let third = after(&admin, "c", json!([{ "schedule_id": second["id"], "on": "completion" }])).await;
    assert_eq!((&second["schedule_type"], &second["next_run_at"]), (&json!("dependent"), &json!(null)));
    assert_eq!(second["after"], json!([{ "schedule_id": first["id"], "on": "success" }]));
    admin.post(&at(&first, "/trigger")).await.expect(202);
    settle(&app).await;
    let mut ids = Vec::new();
    for schedule in [&first, &second, &third] {
        let found = runs(&admin, schedule).await;
        assert_eq!(states(&found), ["succeeded"]);
        ids.push(found[0]["correlation_id"].clone());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(runs(&admin, &second).await[0]["trigger"], "chain");
}

#[tokio::test]
async fn a_condition_decides_whether_the_next_one_runs() {
    let app = start().await;
    app.allow_error("asked to fail for good");
    let admin = app.admin().await;
    let bad = root(&admin, "bad", json!({ "fail": "fatal" })).await;
    let mut found = Vec::new();
    for on in ["success", "failure", "completion"] {
        found.push(after(&admin, on, json!([{ "schedule_id": bad["id"], "on": on }])).await);
    }
    admin.post(&at(&bad, "/trigger")).await.expect(202);
    settle(&app).await;
    for (schedule, wanted) in found.iter().zip(["skipped", "succeeded", "succeeded"]) {
        assert_eq!(states(&runs(&admin, schedule).await), [wanted], "{}", schedule["name"]);
    }
}

#[tokio::test]
async fn a_fan_out_joins_once_per_round_with_all_and_each_time_with_any() {
    let app = start().await;
    let admin = app.admin().await;
    let first = root(&admin, "root", json!({})).await;
    let left = after(&admin, "left", json!([{ "schedule_id": first["id"] }])).await;
    let right = after(&admin, "right", json!([{ "schedule_id": first["id"] }])).await;
    let both = json!([{ "schedule_id": left["id"] }, { "schedule_id": right["id"] }]);
    let all = after(&admin, "all", both.clone()).await;
    let any = create(&admin, json!({ "name": "any", "after": both, "join": "any", "overlap": "allow" })).await;
    for round in 1..=2 {
        admin.post(&at(&first, "/trigger")).await.expect(202);
        settle(&app).await;
        assert_eq!(runs(&admin, &all).await.len(), round);
        assert_eq!(runs(&admin, &any).await.len(), 2 * round);
        app.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn circles_are_refused_also_when_they_close_later() {
    let app = start().await;
    let admin = app.admin().await;
    let a = root(&admin, "a", json!({})).await;
    let b = after(&admin, "b", json!([{ "schedule_id": a["id"] }])).await;
    let c = after(&admin, "c", json!([{ "schedule_id": b["id"] }])).await;
    for (schedule, next) in [(&a, &a), (&a, &c), (&b, &c)] {
        let body = json!({ "after": [{ "schedule_id": next["id"] }] });
        let answer = admin.patch(&at(schedule, "")).header("if-match", "*").json(body).await;
        assert_eq!(answer.expect_problem("schedule-cycle").json()["errors"][0]["pointer"], "/after/0/schedule_id");
    }
}

#[tokio::test]
async fn two_that_are_made_to_wait_for_each_other_at_once_do_not() {
    let app = start().await;
    let admin = app.admin().await;
    for round in 0..5 {
        let a = root(&admin, &format!("a{round}"), json!({})).await;
        let b = root(&admin, &format!("b{round}"), json!({})).await;
        let wait = |one: &Value, other: &Value| {
            let body = json!({ "after": [{ "schedule_id": other["id"] }] });
            admin.patch(&at(one, "")).header("if-match", "*").json(body).send()
        };
        let (one, other) = tokio::join!(wait(&a, &b), wait(&b, &a));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 422], "{} {}", one.text(), other.text());
    }
}

#[tokio::test]
async fn what_one_runs_after_must_exist_and_stand_there_once() {
    let app = start().await;
    let admin = app.admin().await;
    let a = root(&admin, "a", json!({})).await;
    let nobody = "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e";
    for (after, wanted) in [
        (json!([{ "schedule_id": nobody }]), "/after/0/schedule_id"),
        (json!([{ "schedule_id": a["id"] }, { "schedule_id": a["id"] }]), "/after/1/schedule_id"),
        (json!([{ "schedule_id": "x" }]), "/after/0/schedule_id"),
        (json!([{ "schedule_id": a["id"], "on": "sunday" }]), "/after/0/on"),
        (json!([]), "/after"),
        (json!(vec![json!({ "schedule_id": nobody }); 51]), "/after"),
    ] {
        let answer = admin.post(ALL).json(noop(json!({ "name": "b", "after": after }))).await;
        assert_eq!(pointers(answer), [wanted], "{after}");
    }
}
