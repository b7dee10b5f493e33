//! The secrets of webhooks: rotated without a gap, shown once, and kept nowhere.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Reply, TestApp};
use uuid::Uuid;

use super::{
    audited, every_minute, next_minute,
    webhooks::{hook, secret, signatures, verifies},
};

fn rotation(schedule: Uuid) -> String {
    format!("/api/v1/schedules/{schedule}/secret/rotate")
}

#[tokio::test]
async fn the_old_secret_signs_beside_the_new_one_until_the_grace_is_over() {
    let app = TestApp::builder().webhooks().start().await;
    let owner = app.admin().await;
    let schedule = every_minute(&app, &owner, hook(&app)).await;
    app.fakes().receiver.always(Reply::new(200, Value::Null));
    let answer = owner.post(&rotation(schedule)).json(json!({ "grace_seconds": 90 })).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let rotated = answer.json();
    let new = rotated["secret"].as_str().unwrap().to_owned();
    assert_eq!(new, secret(&app, schedule, 2));
    assert_eq!((&rotated["generation"], &rotated["schedule_id"]), (&json!(2), &json!(schedule)));
    assert_eq!(rotated["previous_secret_until"], "2026-01-05T10:01:30Z");

    next_minute(&app).await;
    next_minute(&app).await;
    let calls = app.fakes().receiver.calls();
    let old = secret(&app, schedule, 1);
    assert!(verifies(&calls[0], &new) && verifies(&calls[0], &old));
    assert!(verifies(&calls[1], &new) && !verifies(&calls[1], &old));
    assert_eq!((signatures(&calls[0]), signatures(&calls[1])), (2, 1));
}

#[tokio::test]
async fn without_a_grace_the_old_secret_signs_no_more_and_a_day_is_the_usual_one() {
    let app = TestApp::builder().webhooks().start().await;
    let owner = app.admin().await;
    let schedule = every_minute(&app, &owner, hook(&app)).await;
    app.fakes().receiver.always(Reply::new(200, Value::Null));
    owner.post(&rotation(schedule)).json(json!({ "grace_seconds": 0 })).await.expect(200);
    next_minute(&app).await;
    assert_eq!(signatures(&app.fakes().receiver.calls()[0]), 1);
    let again = owner.post(&rotation(schedule)).await.expect(200).json();
    assert_eq!(again["previous_secret_until"], "2026-01-06T10:01:00Z");
    next_minute(&app).await;
    let call = app.fakes().receiver.calls().remove(1);
    assert!(verifies(&call, &secret(&app, schedule, 3)) && verifies(&call, &secret(&app, schedule, 2)));
    assert!(!verifies(&call, &secret(&app, schedule, 1)), "only the one before goes on");
    app.advance(Duration::from_secs(1));
}

#[tokio::test]
async fn the_answer_is_kept_nowhere() {
    let app = TestApp::builder().webhooks().start().await;
    let owner = app.admin().await;
    let schedule = every_minute(&app, &owner, hook(&app)).await;
    let rotate = async || owner.post(&rotation(schedule)).idempotency_key("once").await.expect(200).json();
    let (first, second) = (rotate().await, rotate().await);
    assert_eq!((&first["generation"], &second["generation"]), (&json!(2), &json!(3)));
    let kept = crate::shelf::count(&app, "select count(*) from idempotency_keys").await;
    assert_eq!(kept, 0);
    let log = audited(&app, "schedule.rotate_secret").await;
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].0, format!("schedule:{schedule}"));
    let changes = log[0].1.to_string();
    assert!(changes.contains("/webhook_generation") && !changes.contains("whsec"), "{changes}");
}

#[tokio::test]
async fn only_who_may_change_the_schedule_gets_a_secret() {
    let app = TestApp::builder().webhooks().start().await;
    let owner = app.admin().await;
    let schedule = every_minute(&app, &owner, hook(&app)).await;
    for role in ["reader", "operator", "hr_admin"] {
        app.person(role).await.post(&rotation(schedule)).await.expect_problem("forbidden");
    }
    app.post(&rotation(schedule)).await.expect_problem("unauthenticated");
    app.admin().await.post(&rotation(schedule)).await.expect(200);
}

#[tokio::test]
async fn a_schedule_without_a_webhook_has_no_secret() {
    let app = TestApp::start().await;
    let owner = app.admin().await;
    let noop = every_minute(&app, &owner, ("engine.noop", json!({}))).await;
    let refused = owner.post(&rotation(noop)).await.expect_problem("schedule-state");
    assert!(refused.text().contains("no webhook"));
    app.declare_schedules().await;
    let declared = schedules::read::list(app.db()).await.unwrap().into_iter().find(|row| row.origin == "code").unwrap();
    let refused = owner.post(&rotation(declared.id)).await.expect_problem("schedule-state");
    assert!(refused.text().contains("the code declares it"));
    owner.post(&rotation(Uuid::nil())).await.expect_problem("not-found");
    for wrong in [json!({ "grace_seconds": 604_801 }), json!({ "grace_seconds": -1 }), json!({ "grace_second": 1 })] {
        owner.post(&rotation(noop)).json(wrong).await.expect_problem("validation-failed");
    }
}
