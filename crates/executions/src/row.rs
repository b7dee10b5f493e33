//! Executions as they are read from their rows.

use chrono::{DateTime, Utc};
use kernel::{ExecutionId, Problem, Result, kinds};
use serde_json::Value;
use sqlx::FromRow;
use store::Db;
use uuid::Uuid;

/// What a list shows of an execution.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Row {
    pub id: Uuid,
    pub kind: String,
    pub queue: String,
    pub state: String,
    pub schedule_id: Option<Uuid>,
    pub schedule_name: Option<String>,
    pub scheduled_for: Option<DateTime<Utc>>,
    pub run_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i64>,
    pub attempt: i32,
    pub max_attempts: i32,
    pub priority: i16,
    pub trigger: String,
    pub triggered_by: Option<String>,
    pub correlation_id: String,
    pub worker: Option<Uuid>,
    pub progress: Option<i16>,
    pub message: Option<String>,
}

/// The columns of [`Row`] that are in `executions`, whose alias is `e`. What has no message of its own shows its last error,
/// unless it succeeded after all.
macro_rules! columns {
    () => {
        "e.id, e.kind, e.queue, e.state, e.schedule_id, e.scheduled_for, e.run_at, e.started_at, e.finished_at, \
         e.duration_ms, e.attempt, e.max_attempts, e.priority, e.trigger, e.triggered_by, e.correlation_id, e.worker, \
         e.progress, coalesce(e.message, case when e.state <> 'succeeded' then e.errors -> -1 ->> 'error' end) as message"
    };
}
pub(crate) use columns;

impl Row {
    /// How long after it was due the present or last attempt began; `None` before that.
    pub fn lateness_ms(&self) -> Option<i64> {
        self.started_at.map(|at| (at - self.run_at).num_milliseconds()).filter(|ms| *ms >= 0)
    }
}

/// An execution, whole.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Whole {
    #[sqlx(flatten)]
    pub row: Row,
    pub args: Value,
    pub result: Option<Value>,
    pub errors: Value,
    pub unique_key: Option<String>,
    pub dispatched_at: Option<DateTime<Utc>>,
    pub lease_until: Option<DateTime<Utc>>,
    pub cancel_requested_at: Option<DateTime<Utc>>,
    pub traceparent: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// The execution `id`.
///
/// # Errors
/// `not-found`.
pub(crate) async fn find(db: &Db, id: ExecutionId) -> Result<Whole> {
    let found = sqlx::query_as(FIND).bind(id.0).fetch_optional(db.pool()).await?;
    found.ok_or_else(|| Problem::new(&kinds::NOT_FOUND).detail("there is no such execution"))
}

const FIND: &str = concat!(
    "select ",
    columns!(),
    ", s.name as schedule_name, e.args, e.result, e.errors, e.unique_key, e.dispatched_at, e.lease_until, \
     e.cancel_requested_at, e.traceparent, e.created_at \
     from executions e left join schedules s on s.id = e.schedule_id where e.id = $1"
);
