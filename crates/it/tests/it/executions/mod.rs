//! Executions over HTTP: reading, measuring, running again and cancelling.

mod change;
mod lists;
mod show;
mod stats;

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use testkit::{Answer, Person, START, TestApp};
use uuid::Uuid;

/// A row as the engine may have left it.
#[derive(Clone)]
struct Row {
    id: Uuid,
    kind: &'static str,
    queue: &'static str,
    state: &'static str,
    schedule: Option<Uuid>,
    run_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    duration_ms: Option<i64>,
    trigger: &'static str,
    correlation_id: Option<&'static str>,
    message: Option<&'static str>,
    errors: Value,
    result: Value,
    unique_key: Option<&'static str>,
}

impl Row {
    /// One that ended just now in `state`.
    fn new(state: &'static str) -> Self {
        Self {
            id: Uuid::now_v7(),
            kind: "engine.noop",
            queue: "default",
            state,
            schedule: None,
            run_at: START,
            started_at: None,
            finished_at: Some(START),
            duration_ms: None,
            trigger: "api",
            correlation_id: None,
            message: None,
            errors: json!([]),
            result: Value::Null,
            unique_key: None,
        }
    }

    /// One that waits for an hour from now.
    fn waiting() -> Self {
        Self { run_at: START + TimeDelta::hours(1), finished_at: None, ..Self::new("queued") }
    }

    async fn insert(&self, app: &TestApp) -> Uuid {
        let sql = "
            insert into executions (id, kind, queue, schedule_id, scheduled_for, args, state, max_attempts, run_at, started_at,
                                    finished_at, duration_ms, trigger, triggered_by, correlation_id, message, errors, result,
                                    unique_key, created_at)
            values ($1, $2, $3, $4, case when $4::uuid is not null then $6 + $5 * interval '1 microsecond' end, '{}', $7, 4, $6, $8,
                    $9, $10, $11, 'a test', coalesce($12, $1::text), $13, $14, nullif($15, 'null'::jsonb), $16, $6)";
        let query = sqlx::query(sql).bind(self.id).bind(self.kind).bind(self.queue).bind(self.schedule).bind(apart());
        let query = query.bind(self.run_at).bind(self.state).bind(self.started_at).bind(self.finished_at);
        let query = query.bind(self.duration_ms).bind(self.trigger).bind(self.correlation_id).bind(self.message);
        query.bind(&self.errors).bind(&self.result).bind(self.unique_key).execute(app.db().pool()).await.unwrap();
        self.id
    }
}

/// Microseconds that keep the due times of one schedule apart.
fn apart() -> i64 {
    static COUNT: AtomicI64 = AtomicI64::new(1);
    COUNT.fetch_add(1, Relaxed)
}

/// Some schedule, and its name.
async fn schedule(app: &TestApp) -> (Uuid, String) {
    app.declare_schedules().await;
    sqlx::query_as("select id, name from schedules order by name limit 1").fetch_one(app.db().pool()).await.unwrap()
}

fn path(id: Uuid) -> String {
    format!("/api/v1/executions/{id}")
}

/// The ids of the items of a list, in its order.
fn ids(answer: &Answer) -> Vec<Uuid> {
    let items = answer.json()["items"].clone();
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}

async fn list(person: &Person<'_>, path: &str) -> Vec<Uuid> {
    ids(&person.get(&format!("/api/v1/executions{path}")).await.expect(200))
}

/// The pointers of the fields that were refused.
fn refused(answer: Answer) -> Vec<String> {
    let problem = answer.expect_problem("validation-failed").json();
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}
