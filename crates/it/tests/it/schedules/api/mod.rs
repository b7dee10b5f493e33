//! Schedules through the API.

mod chains;
mod control;
mod creation;
mod edits;
mod lists;
mod ownership;
mod preview;
mod validation;

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Request, TestApp};

const ALL: &str = "/api/v1/schedules";

/// An application in which nobody has to log in again while the clock moves.
async fn start() -> TestApp {
    TestApp::with(|config| config.accounts.access_token_ttl = std::time::Duration::from_secs(86_400)).await
}

/// The address of a schedule, or of something below it.
fn at(schedule: &Value, below: &str) -> String {
    format!("{ALL}/{}{below}", schedule["id"].as_str().expect("an id"))
}

/// Creates a schedule of the job that does nothing, with these fields on top.
async fn create(by: &Person<'_>, fields: Value) -> Value {
    by.post(ALL).json(noop(fields)).await.expect(201).json()
}

/// The fields, and the job that does nothing unless another target is among them.
fn noop(fields: Value) -> Value {
    let mut whole = json!({ "job": "engine.noop" });
    for (name, value) in fields.as_object().expect("fields") {
        whole[name] = value.clone();
    }
    whole
}

/// What was refused: pointers and messages.
#[track_caller]
fn refused(answer: Answer) -> BTreeMap<String, String> {
    let answer = answer.expect_problem("validation-failed");
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    let text = |error: &Value, name: &str| error[name].as_str().expect("a text").to_owned();
    errors.iter().map(|error| (text(error, "pointer"), text(error, "message"))).collect()
}

/// The pointers of what was refused.
#[track_caller]
fn pointers(answer: Answer) -> Vec<String> {
    refused(answer).into_keys().collect()
}

fn put(app: &TestApp, by: &Person<'_>, path: &str) -> Request {
    app.request(Method::PUT, path).bearer(&by.access_token)
}

/// A person who may make schedules, and change nobody else's.
async fn maker(app: &TestApp) -> Person<'_> {
    use store::Sql as _;
    let grant =
        "insert into role_permissions (role, permission) values ('operator', 'schedule.write') on conflict do nothing";
    app.db().conn().run(grant, []).await.expect("a permission");
    app.operator().await
}

/// The rows of a schedule, oldest first: state and what the row says of itself.
async fn runs(by: &Person<'_>, schedule: &Value) -> Vec<Value> {
    let page = by.get(&at(schedule, "/executions?limit=200")).await.expect(200).json();
    let mut items = page["items"].as_array().expect("items").clone();
    items.reverse();
    items
}

fn states(runs: &[Value]) -> Vec<&str> {
    runs.iter().map(|run| run["state"].as_str().expect("a state")).collect()
}

async fn show(by: &Person<'_>, schedule: &Value) -> Value {
    by.get(&at(schedule, "")).await.expect(200).json()
}
