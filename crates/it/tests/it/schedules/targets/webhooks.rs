//! Webhooks: what is delivered, how it is signed, and what the receiver's answer means.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jobs::executions::Execution;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::Sql;
use testkit::{Call, Reply, START, TestApp};
use uuid::Uuid;

use super::{errors, every_minute, next_minute, state};

/// HMAC-SHA256 as RFC 2104 spells it out.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |with: u8| (0..64).map(|at| key.get(at).copied().unwrap_or_default() ^ with).collect::<Vec<_>>();
    let inner = Sha256::digest([&pad(0x36), text].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

/// Whether the receiver that knows `secret` would take `call`, as Standard Webhooks describes it.
pub(super) fn verifies(call: &Call, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let header = |name: &str| call.header(name).unwrap().to_owned();
    let head = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp"));
    let wanted = format!("v1,{}", STANDARD.encode(hmac(&key, &[head.as_bytes(), &call.bytes].concat())));
    header("webhook-signature").split(' ').any(|signature| signature == wanted)
}

/// How many signatures a call has.
pub(super) fn signatures(call: &Call) -> usize {
    call.header("webhook-signature").unwrap().split(' ').count()
}

/// The secret of a schedule's webhook.
pub(super) fn secret(app: &TestApp, schedule: Uuid, generation: u32) -> String {
    app.parts().gateways.webhooks.secret(schedule.into(), generation).unwrap().expose().clone()
}

/// What a schedule that calls the receiver keeps.
pub(super) fn hook(app: &TestApp) -> (&'static str, Value) {
    let url = format!("{}/hook?token=hunter2", app.fakes().receiver.url());
    (
        "schedules.webhook",
        json!({ "url": url, "payload": { "at": "{{scheduled_for}}", "last": "{{last_success_at}}" } }),
    )
}

async fn last_run(app: &TestApp) -> Execution {
    app.executions("schedules.webhook").await.pop().unwrap()
}

#[tokio::test]
async fn a_delivery_carries_an_envelope_that_the_secret_of_the_schedule_signs() {
    let app = TestApp::builder().webhooks().start().await;
    let owner = app.admin().await;
    let schedule = every_minute(&app, &owner, hook(&app)).await;
    app.fakes().receiver.answer(Reply::new(204, Value::Null));
    next_minute(&app).await;
    let run = last_run(&app).await;
    let call = app.fakes().receiver.calls().remove(0);
    let wanted = json!({
        "type": "schedule.run",
        "timestamp": "2026-01-05T10:01:00Z",
        "data": {
            "schedule_id": schedule, "schedule_name": format!("drill {schedule}"), "execution_id": run.id,
            "scheduled_for": "2026-01-05T10:01:00Z", "attempt": 1,
            "payload": { "at": "2026-01-05T10:01:00Z", "last": null },
        },
    });
    assert_eq!(call.body, wanted);
    assert_eq!(call.uri.to_string(), "/hook?token=hunter2");
    assert_eq!(call.header("content-type"), Some("application/json"));
    assert_eq!(call.header("webhook-id"), Some(run.id.to_string().as_str()));
    assert_eq!(call.header("webhook-timestamp"), Some((START.timestamp() + 60).to_string().as_str()));
    assert!(verifies(&call, &secret(&app, schedule, 1)));
    assert!(!verifies(&call, &secret(&app, schedule, 2)) && !verifies(&call, &secret(&app, Uuid::nil(), 1)));
    assert_eq!(signatures(&call), 1);

    let result = run.result.unwrap();
    assert_eq!((run.state.as_str(), &result["status"]), ("succeeded", &json!(204)));
    assert_eq!(result["url"], format!("{}/hook", app.fakes().receiver.url()), "without the query");
    let message = format!("delivered to 127.0.0.1: 204 in {} ms", result["duration_ms"]);
    assert_eq!(run.message, Some(message));
}

#[tokio::test]
async fn a_delivery_that_failed_is_tried_again_under_the_same_id() {
    let app = TestApp::builder().webhooks().start().await;
    let owner = app.admin().await;
    let schedule = every_minute(&app, &owner, hook(&app)).await;
    let receiver = &app.fakes().receiver;
    receiver.answer(Reply::failure());
    receiver.answer(Reply::new(429, Value::Null).header("retry-after", "20"));
    receiver.answer(Reply::new(200, Value::Null));
    next_minute(&app).await;
    app.drain_all_jobs().await;
    let run = last_run(&app).await;
    assert_eq!((run.state.as_str(), run.attempt), ("succeeded", 3));
    let told = errors(&run);
    assert!(told[0].contains("status 500") && told[1].contains("status 429"), "{told:?}");
    let calls = receiver.calls();
    let ids: Vec<_> = calls.iter().filter_map(|call| call.header("webhook-id")).collect();
    assert_eq!(ids, [run.id.to_string(), run.id.to_string(), run.id.to_string()]);
    let attempts: Vec<_> = calls.iter().map(|call| call.body["data"]["attempt"].clone()).collect();
    assert_eq!(attempts, [1, 2, 3]);
    let at = |call: &Call| call.header("webhook-timestamp").unwrap().parse::<i64>().unwrap();
    assert!(at(&calls[2]) - at(&calls[1]) >= 20, "the receiver said how long to wait");
    assert!(calls.iter().all(|call| verifies(call, &secret(&app, schedule, 1))));
}

#[tokio::test]
async fn a_delivery_that_was_refused_is_not_tried_again() {
    let app = TestApp::builder().webhooks().start().await;
    app.allow_error("attempt");
    let owner = app.admin().await;
    let schedule = every_minute(&app, &owner, hook(&app)).await;
    app.fakes().receiver.answer(Reply::new(404, json!("hunter3")));
    next_minute(&app).await;
    let run = last_run(&app).await;
    assert_eq!((run.state.as_str(), run.attempt), ("failed", 1));
    assert!(errors(&run)[0].contains("status 404") && !run.errors.to_string().contains("hunter"), "{run:?}");
    assert_eq!(state(&app, schedule).await.0, "active");
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_deliveries_pauses_the_schedule() {
    let app = TestApp::builder().webhooks().start().await;
    app.allow_error("attempt");
    let owner = app.admin().await;
    let schedule = every_minute(&app, &owner, hook(&app)).await;
    app.fakes().receiver.answer(Reply::new(410, Value::Null));
    next_minute(&app).await;
    let run = last_run(&app).await;
    assert_eq!((run.state.as_str(), run.attempt), ("failed", 1));
    let reason = "the webhook's receiver wants no more deliveries (410)".to_owned();
    assert_eq!(state(&app, schedule).await, ("paused".to_owned(), Some(reason)));
    next_minute(&app).await;
    assert_eq!(app.fakes().receiver.calls().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_is_slower_than_the_schedule_allows_is_not_waited_for() {
    let app = TestApp::builder().webhooks().start().await;
    let owner = app.admin().await;
    let schedule = every_minute(&app, &owner, hook(&app)).await;
    let limit = "update schedules set timeout_seconds = 1 where id = $1";
    app.db().conn().run(limit, [schedule.into()]).await.unwrap();
    app.fakes().receiver.answer(Reply::new(200, Value::Null).after(Duration::from_secs(30)));
    app.fakes().receiver.answer(Reply::new(200, Value::Null));
    next_minute(&app).await;
    app.drain_all_jobs().await;
    let run = last_run(&app).await;
    assert_eq!((run.state.as_str(), run.attempt), ("succeeded", 2));
    assert!(errors(&run)[0].contains("did not answer in time"), "{run:?}");
}

#[tokio::test]
async fn nothing_is_delivered_to_a_private_address_whatever_was_saved() {
    let app = TestApp::start().await;
    app.allow_error("attempt");
    let owner = app.admin().await;
    every_minute(&app, &owner, hook(&app)).await;
    next_minute(&app).await;
    let run = last_run(&app).await;
    assert_eq!((run.state.as_str(), run.attempt), ("failed", 1));
    assert_eq!(run.errors[0]["problem"], "webhook-refused-url");
    assert!(app.fakes().receiver.calls().is_empty());
}

#[tokio::test]
async fn the_run_of_a_schedule_that_was_deleted_meanwhile_is_not_delivered() {
    let app = TestApp::builder().webhooks().start().await;
    let owner = app.admin().await;
    let schedule = every_minute(&app, &owner, hook(&app)).await;
    app.advance(super::MINUTE);
    app.tick().await;
    let delete = "update schedules set state = 'disabled', deleted_at = now() where id = $1";
    app.db().conn().run(delete, [schedule.into()]).await.unwrap();
    app.drain_jobs().await;
    let run = last_run(&app).await;
    assert_eq!((run.state.as_str(), run.message.as_deref()), ("cancelled", Some("its schedule was deleted")));
    assert!(app.fakes().receiver.calls().is_empty());
}
