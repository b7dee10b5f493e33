//! What of a target is refused, and what a good one comes to.

use std::sync::Arc;

use futures::future::BoxFuture;
use jobs::{Attempt, Done, Failure, Job, Noop};
use kernel::Clock;
use serde_json::json;

use super::{command::Command, payload::LARGEST_PAYLOAD, *};

struct Nowhere;

impl Transport for Nowhere {
    fn send(&self, _: Command) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A job that needs to know since when.
#[derive(serde::Serialize, serde::Deserialize)]
struct Since {
    since: String,
}

impl Job for Since {
    type Cx = ();
    const KIND: &'static str = "test.since";

    fn schema() -> Option<Value> {
        Some(json!({ "type": "object", "required": ["since"], "properties": { "since": { "type": "string" } } }))
    }

    async fn run(&self, (): &(), _: &Attempt) -> Result<Done, Failure> {
        Ok(Done::Cancel("never run".to_owned()))
    }
}

fn settings() -> config::Config {
    let read = config::Config::read(&|name| {
        let value = match name {
            "APP_SECRET_KEY" => "a secret key that only tests use",
            "DATABASE_URL" => "postgres://127.0.0.1/none",
            "REDIS_URL" => "redis://127.0.0.1",
            _ => return None,
        };
        Some(value.to_owned())
    });
    read.unwrap()
}

/// Resolves without a database: the allow-list is `cmd.billing.*`.
fn resolved(given: Value, transport: Option<Arc<dyn Transport>>) -> Result<Target, Vec<(String, String)>> {
    let config = settings();
    let db = store::Db::lazy(&config.database, Clock::system()).unwrap();
    let mut registry = Registry::default();
    registry.add::<Noop>(db.clone());
    registry.add::<crate::DeleteOldExecutions>(crate::Retention { db, keep: chrono::TimeDelta::days(1) });
    registry.add::<Since>(());
    let gateways = gateways::Gateways::new(&config).unwrap();
    let allowed = AllowList::of(&["cmd.billing.*"]);
    let known = Known { registry: &registry, webhooks: &gateways.webhooks, allowed, transport: transport.as_ref() };
    let given: TargetGiven = serde_json::from_value(given).unwrap();
    target(&known, &given).map_err(|problem| {
        assert!(problem.is(&kernel::kinds::VALIDATION_FAILED), "{problem}");
        problem.errors().iter().map(|fault| (fault.pointer.clone(), fault.message.clone())).collect()
    })
}

fn carried(given: Value) -> Result<Target, Vec<(String, String)>> {
    resolved(given, Some(Arc::new(Nowhere)))
}

/// The pointers of what is wrong, in order, and all messages.
fn faults(given: Value) -> (Vec<String>, String) {
    let faults = carried(given).unwrap_err();
    let (pointers, messages): (Vec<_>, Vec<_>) = faults.into_iter().unzip();
    (pointers, messages.join("; "))
}

#[tokio::test]
async fn there_is_exactly_one_target() {
    let (pointers, message) = faults(json!({}));
    assert_eq!(pointers, ["/job"]);
    assert!(message.contains("target_command") && message.contains("webhook"), "{message}");
    let two = json!({ "job": "engine.noop", "target_command": "cmd.billing.close" });
    let (pointers, message) = faults(two);
    assert_eq!(pointers, ["/job"]);
    assert!(message.contains("target_command") && message.contains("webhook"), "{message}");
    let stray = json!({ "job": "engine.noop", "command_payload": 1, "args": { "sleep_ms": -1 } });
    assert_eq!(faults(stray).0, ["/command_payload", "/args/sleep_ms"]);
    assert_eq!(faults(json!({ "args": {}, "command_payload": {} })).0, ["/args", "/command_payload", "/job"]);
}

#[tokio::test]
async fn a_job_is_one_that_may_be_scheduled_with_arguments_that_fit_its_schema() {
    let plain = carried(json!({ "job": "engine.noop" })).unwrap();
    assert_eq!(plain, Target { kind: "engine.noop".to_owned(), args: json!({}), templated: false });
    let slow = carried(json!({ "job": "engine.noop", "args": { "sleep_ms": 5 } })).unwrap();
    assert_eq!(slow.args, json!({ "sleep_ms": 5 }));
    for other in ["engine.none", "engine.delete_old_executions", "schedules.command", "schedules.webhook", ""] {
        let (pointers, message) = faults(json!({ "job": other }));
        assert_eq!(pointers, ["/job"], "{other}");
        assert!(message.ends_with("these can be scheduled: engine.noop, test.since"), "{message}");
    }
    let wrong = json!({ "job": "engine.noop", "args": { "sleep_ms": 3_600_001, "fail": "maybe" } });
    assert_eq!(faults(wrong).0, ["/args/fail", "/args/sleep_ms"]);
}

#[tokio::test]
async fn arguments_with_placeholders_are_checked_as_they_would_be_filled_in() {
    let keyed = carried(json!({ "job": "engine.noop", "args": { "key": "day {{scheduled_for}}" } })).unwrap();
    assert!(keyed.templated);
    assert_eq!(keyed.args, json!({ "key": "day {{scheduled_for}}" }));
    let (pointers, message) = faults(json!({ "job": "engine.noop", "args": { "sleep_ms": "{{scheduled_for}}" } }));
    assert_eq!(pointers, ["/args/sleep_ms"]);
    assert!(message.contains("whole number"), "{message}");
    let (pointers, message) = faults(json!({ "job": "engine.noop", "args": { "key": "{{today}} {{ }}" } }));
    assert_eq!(pointers, ["/args/key", "/args/key"]);
    assert!(message.contains("{{today}}; there are {{scheduled_for}}, {{execution_id}} and {{last_success_at}}"));
}

#[tokio::test]
async fn arguments_must_do_before_the_first_success_too() {
    let (pointers, message) = faults(json!({ "job": "test.since", "args": { "since": "{{last_success_at}}" } }));
    assert_eq!(pointers, ["/args/since"]);
    assert_eq!(message, "must be a string: {{last_success_at}} is null before the first success");
    let within = json!({ "job": "test.since", "args": { "since": "{{last_success_at}}|{{scheduled_for}}" } });
    assert!(carried(within).unwrap().templated, "in a longer text it is empty");
    // `key` may be null, so that it can be a text that is not there yet.
    assert!(carried(json!({ "job": "engine.noop", "args": { "key": "{{last_success_at}}" } })).unwrap().templated);
}

#[tokio::test]
async fn a_payload_is_at_most_64_kib_and_can_be_stored() {
    let fits = "x".repeat(LARGEST_PAYLOAD - 2);
    for field in ["args", "command_payload", "webhook/payload"] {
        let with = |payload: Value| match field {
            "args" => json!({ "job": "engine.noop", "args": payload }),
            "command_payload" => json!({ "target_command": "cmd.billing.close", "command_payload": payload }),
            _ => json!({ "webhook": { "url": "https://example.org/", "payload": payload } }),
        };
        let (pointers, message) = faults(with(json!(format!("{fits}x"))));
        assert_eq!(pointers[0], format!("/{field}"));
        assert!(message.contains("at most 65536 bytes") && message.contains("65537"), "{message}");
        let (pointers, _) = faults(with(json!({ "a": ["\0"], "b\0": { "c/d": "\0" } })));
        assert_eq!(pointers[..3], [format!("/{field}/a/0"), format!("/{field}"), format!("/{field}/b\0/c~1d")]);
    }
    carried(json!({ "target_command": "cmd.billing.close", "command_payload": fits })).unwrap();
}

#[tokio::test]
async fn a_command_has_a_shape_a_size_a_place_on_the_list_and_a_way() {
    let given = |name: &str| json!({ "target_command": name, "command_payload": { "at": "{{scheduled_for}}" } });
    let (pointers, message) = faults(given("billing.close"));
    assert_eq!(
        (pointers, message.as_str()),
        (vec!["/target_command".to_owned()], "must be cmd.domain.action in a-z, 0-9, - and _")
    );
    let (_, message) = faults(given("cmd.report.build"));
    assert_eq!(message, "is not on the command allow-list: cmd.billing.*");
    let large = json!({ "target_command": "cmd.report.build", "command_payload": "x".repeat(70_000) });
    assert_eq!(faults(large).0, ["/command_payload"], "its size is looked at before the list");
    let nowhere = resolved(given("cmd.billing.close"), None).unwrap_err();
    assert_eq!(
        nowhere[0],
        ("/target_command".to_owned(), "cannot be sent: no command transport is configured".to_owned())
    );
    let refused = resolved(given("cmd.report.build"), None).unwrap_err();
    assert!(refused[0].1.contains("allow-list"), "the list is looked at before the way");
    let good = carried(given("cmd.billing.close")).unwrap();
    assert_eq!((good.kind.as_str(), good.templated), ("schedules.command", true));
    assert_eq!(good.args, json!({ "name": "cmd.billing.close", "payload": { "at": "{{scheduled_for}}" } }));
}

#[tokio::test]
async fn a_webhook_goes_to_a_public_host_with_the_payload_it_was_given() {
    let given = |url: &str| json!({ "webhook": { "url": url, "payload": { "since": "{{last_success_at}}" } } });
    let good = carried(given("https://example.org/hook?a=b")).unwrap();
    assert_eq!((good.kind.as_str(), good.templated), ("schedules.webhook", true));
    let args = json!({ "url": "https://example.org/hook?a=b", "payload": { "since": "{{last_success_at}}" } });
    assert_eq!(good.args, args);
    let bare = carried(json!({ "webhook": { "url": "https://example.org/" } })).unwrap();
    assert_eq!(bare.args, json!({ "url": "https://example.org/", "payload": null }));
    for url in
        ["http://example.org/", "https://127.0.0.1/", "https://10.0.0.1/", "https://u:p@example.org/", "example.org"]
    {
        assert_eq!(faults(given(url)).0, ["/webhook/url"], "{url}");
    }
    let (_, message) = faults(given("https://example.org/{{execution_id}}"));
    assert!(message.contains("placeholders"), "{message}");
    let both = json!({ "webhook": { "url": "https://[::1]/", "payload": "{{today}}" } });
    assert_eq!(faults(both).0, ["/webhook/payload", "/webhook/url"]);
}

#[tokio::test]
async fn a_single_run_may_have_another_payload() {
    let config = settings();
    let mut registry = Registry::default();
    registry.add::<Noop>(store::Db::lazy(&config.database, Clock::system()).unwrap());
    let with = |kind: &str, payload: Value| {
        with_payload(&registry, (kind, &json!({ "name": "cmd.a.b", "payload": { "old": 1 } })), payload)
    };
    let wrong = |kind: &str, payload: Value| with(kind, payload).unwrap_err().errors()[0].pointer.clone();
    assert_eq!(with("engine.noop", json!({ "sleep_ms": 7 })).unwrap(), json!({ "sleep_ms": 7 }));
    assert_eq!(wrong("engine.noop", json!({ "sleep_ms": -7 })), "/payload/sleep_ms");
    let sent = with("schedules.command", json!([1])).unwrap();
    assert_eq!(sent, json!({ "name": "cmd.a.b", "payload": [1] }));
    let called =
        with_payload(&registry, ("schedules.webhook", &json!({ "url": "https://a.org/", "payload": null })), json!(7));
    assert_eq!(called.unwrap(), json!({ "url": "https://a.org/", "payload": 7 }));
    assert_eq!(wrong("schedules.command", json!("x".repeat(70_000))), "/payload");
    assert_eq!(wrong("schedules.command", json!({ "at": "{{scheduled_for}}" })), "/payload/at");
}
