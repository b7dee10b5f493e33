//! The read model of executions, and what a person may do to one: cancel it, run it again.

use chrono::{DateTime, Utc};
use kernel::{ExecutionId, Problem, Result, kinds};
use sea_orm::FromQueryResult;
use serde::Serialize;
use serde_json::Value;
use store::{Db, Note, Sql, Tx};
use uuid::Uuid;

use crate::{enqueue::Trigger, problems, wire::CANCEL};

/// One row of `executions`, whole.
#[derive(Clone, Debug, FromQueryResult, Serialize)]
pub struct Execution {
    pub id: Uuid,
    pub kind: String,
    pub queue: String,
    pub schedule_id: Option<Uuid>,
    pub scheduled_for: Option<DateTime<Utc>>,
    pub args: Value,
    pub state: String,
    pub priority: i16,
    pub attempt: i32,
    pub max_attempts: i32,
    pub run_at: DateTime<Utc>,
    pub dispatched_at: Option<DateTime<Utc>>,
    pub lease_until: Option<DateTime<Utc>>,
    pub worker: Option<Uuid>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i64>,
    pub progress: Option<i16>,
    pub result: Option<Value>,
    pub message: Option<String>,
    pub errors: Value,
    pub unique_key: Option<String>,
    pub trigger: String,
    pub triggered_by: Option<String>,
    pub correlation_id: String,
    pub traceparent: Option<String>,
    pub cancel_requested_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// Which executions to list, newest first. `None` matches all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `queued`, `running`, …
    pub state: Option<String>,
    /// The kind.
    pub kind: Option<String>,
    /// The queue.
    pub queue: Option<String>,
    /// Only executions older than this one.
    pub before: Option<ExecutionId>,
}

/// The execution `id`, if there is one.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn find(db: &Db, id: ExecutionId) -> Result<Option<Execution>> {
    db.conn().query_opt("select * from executions where id = $1", [id.0.into()]).await
}

/// The executions among `ids`: for watching many at once.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn find_many(db: &Db, ids: &[ExecutionId]) -> Result<Vec<Execution>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    db.conn().query("select * from executions where id = any($1)", [ids.into()]).await
}

/// At most `limit` executions, newest first.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn list(db: &Db, filter: &Filter, limit: u64) -> Result<Vec<Execution>> {
    let values = [
        filter.state.clone().into(),
        filter.kind.clone().into(),
        filter.queue.clone().into(),
        filter.before.map(|id| id.0).into(),
        (limit as i64).into(),
    ];
    // A statement of its own, since only a constant lets Postgres use the index of failed executions.
    let sql = if filter.state.as_deref() == Some("failed") { LIST_FAILED } else { LIST };
    db.conn().query(sql, values).await
}

const LIST_FAILED: &str = "
select * from executions
where state = 'failed' and state = $1 and ($2::text is null or kind = $2) and ($3::text is null or queue = $3)
  and ($4::uuid is null or id < $4)
order by id desc limit $5";

const LIST: &str = "
select * from executions
where ($1::text is null or state = $1) and ($2::text is null or kind = $2) and ($3::text is null or queue = $3)
  and ($4::uuid is null or id < $4)
order by id desc limit $5";

/// What a cancellation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It was waiting and will not run.
    AtOnce,
    /// It is running and was asked to stop.
    Asked,
}

/// Cancels `id`: at once while it waits, through its token while it runs.
///
/// # Errors
/// `not-found`; `execution-state` when it has ended.
pub async fn cancel(tx: &Tx, id: ExecutionId, reason: &str) -> Result<Cancelled> {
    let values = [id.0.into(), tx.now().into(), reason.into()];
    match tx.scalar::<String, _>(CANCEL_ROW, values).await?.as_deref() {
        Some("cancelled") => Ok(Cancelled::AtOnce),
        Some(_) => {
            tell_cancelled(tx, id);
            Ok(Cancelled::Asked)
        }
        None => Err(not_possible(tx, id, "cancelled").await?),
    }
}

/// Brings the request to stop, which its row has, to the worker that runs `id`, after the commit. Without it the renewal of the
/// lease does.
pub fn tell_cancelled(tx: &Tx, id: ExecutionId) {
    tx.note(Note { topic: CANCEL, id: id.0, at: tx.now(), rank: 0 });
}

const CANCEL_ROW: &str = "
update executions
set state = case state when 'queued' then 'cancelled' else state end,
    finished_at = case state when 'queued' then $2 end,
    message = case state when 'queued' then $3 else message end,
    cancel_requested_at = $2
where id = $1 and state in ('queued', 'running')
returning state";

/// Queues an execution that failed, was cancelled or missed once more, with one more attempt. Its history stays.
///
/// # Errors
/// `not-found`; `execution-state` when it waits, runs or has succeeded, or when a unique job like it does.
pub async fn retry(tx: &Tx, id: ExecutionId, by: &str) -> Result<()> {
    let values = [id.0.into(), tx.now().into(), by.into(), Trigger::Retry.name().into()];
    let retried = tx.run(RETRY, values).await.map_err(|problem| {
        if store::constraint(&problem).as_deref() == Some("executions_unique") {
            return Problem::new(&problems::NOT_POSSIBLE).detail("another one with its unique key waits or runs");
        }
        problem
    })?;
    if retried == 1 { Ok(()) } else { Err(not_possible(tx, id, "retried").await?) }
}

const RETRY: &str = "
update executions
set state = 'queued', run_at = $2, dispatched_at = null, max_attempts = greatest(max_attempts, attempt + 1),
    finished_at = null, progress = null, message = null, cancel_requested_at = null, trigger = $4, triggered_by = coalesce(triggered_by, $3)
where id = $1 and state in ('failed', 'cancelled', 'missed', 'skipped')";

async fn not_possible(tx: &Tx, id: ExecutionId, what: &str) -> Result<Problem> {
    let state: Option<String> = tx.scalar("select state from executions where id = $1", [id.0.into()]).await?;
    Ok(match state {
        None => Problem::new(&kinds::NOT_FOUND).detail("there is no such execution"),
        Some(state) => Problem::new(&problems::NOT_POSSIBLE).detail(format!("it is {state}; that cannot be {what}")),
    })
}
