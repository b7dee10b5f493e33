//! What schedules run: commands, webhooks and their secrets; and the templates that schedules are made from.

mod commands;
mod requests;
mod secrets;

mod templates;
mod webhooks;

use std::time::Duration;

use jobs::executions::Execution;
use serde_json::{Value, json};
use store::Sql;
use testkit::{Person, TestApp};
use uuid::Uuid;

const MINUTE: Duration = Duration::from_secs(60);

const INSERT: &str = "
insert into schedules (id, name, origin, kind, args, templated, timing, next_run_at, since, created_by, owner_id, created_at, updated_at)
values ($1, $2, 'api', $3, $4, true, $5, $6, $7, $8, $9, $7, $7)";

/// A schedule of `owner`'s that runs `kind` every minute.
async fn every_minute(app: &TestApp, owner: &Person<'_>, (kind, args): (&str, Value)) -> Uuid {
    let id = Uuid::now_v7();
    let timing = json!({ "type": "cron", "expressions": ["* * * * *"], "zone": "UTC" });
    let now = app.clock().now();
    let values = [
        id.into(),
        format!("drill {id}").into(),
        kind.into(),
        args.into(),
        timing.into(),
        (now + MINUTE).into(),
        now.into(),
        format!("user:{}", owner.id).into(),
        owner.id.0.into(),
    ];
    app.db().conn().run(INSERT, values).await.unwrap();
    id
}

/// Lets the next minute come, and the schedules' work be done.
async fn next_minute(app: &TestApp) {
    app.advance(MINUTE);
    app.tick().await;
    app.drain_jobs().await;
}

/// The state of a schedule, and why.
async fn state(app: &TestApp, id: Uuid) -> (String, Option<String>) {
    let row = schedules::read::find(app.db().conn(), id).await.unwrap().unwrap();
    (row.state, row.state_reason)
}

/// The errors of an execution's attempts, as text.
fn errors(execution: &Execution) -> Vec<String> {
    let entries = execution.errors.as_array().unwrap();
    entries.iter().map(|entry| entry["error"].as_str().unwrap().to_owned()).collect()
}

/// What the audit log has of an action: its target and changes.
async fn audited(app: &TestApp, action: &str) -> Vec<(String, Value)> {
    let sql = "select target, changes from audit_log where action = $1 and outcome = 'done' order by id";
    sqlx::query_as(sql).bind(action).fetch_all(app.db().pool()).await.unwrap()
}
