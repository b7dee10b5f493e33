//! How far a bulk operation by filter is. Owns the table `schedule_bulk_operations`.

use kernel::{Problem, Result};
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use store::{Sql, Tx};
use uuid::Uuid;

use super::outcome::{Failed, Outcome, TaskOutcome};

/// Failures that are kept, each with its reason.
const MOST_FAILURES: usize = 100;

/// How far it is.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Progress {
    execution_id: Uuid,
    /// How many matched when it began.
    pub matched: i64,
    /// The last schedule that was dealt with.
    pub after_id: Uuid,
    pub succeeded: i64,
    pub failed: i64,
    /// The first hundred of the failed ones.
    pub failures: Value,
}

impl Progress {
    pub fn dealt_with(&self) -> i64 {
        self.succeeded + self.failed
    }

    /// 100 is told by its end.
    pub fn percent(&self) -> u8 {
        u8::try_from(self.dealt_with().saturating_mul(100) / self.matched.max(1)).unwrap_or(99).min(99)
    }
}

/// Whether an attempt has begun it.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn is_begun(tx: &Tx, execution: Uuid) -> Result<bool> {
    let sql = "select 1 from schedule_bulk_operations where execution_id = $1";
    Ok(tx.scalar::<i32, _>(sql, [execution.into()]).await?.is_some())
}

/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn begin(tx: &Tx, execution: Uuid, matched: i64) -> Result<()> {
    tx.run(BEGIN, [execution.into(), matched.into(), Uuid::nil().into()]).await?;
    Ok(())
}

const BEGIN: &str = "
insert into schedule_bulk_operations (execution_id, matched, after_id) values ($1, $2, $3) on conflict do nothing";

/// Locks the position until the end of the transaction; nothing when the operation is over.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn lock(tx: &Tx, execution: Uuid) -> Result<Option<Progress>> {
    tx.query_opt("select * from schedule_bulk_operations where execution_id = $1 for update", [execution.into()]).await
}

/// Moves the position behind a batch.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn advance(tx: &Tx, mut so_far: Progress, (last, outcome): (Uuid, &Outcome)) -> Result<Progress> {
    so_far.after_id = last;
    so_far.succeeded += outcome.done.len() as i64;
    so_far.failed += outcome.failed.len() as i64;
    if let Value::Array(failures) = &mut so_far.failures {
        let room = MOST_FAILURES.saturating_sub(failures.len());
        failures.extend(outcome.failed.iter().take(room).map(|failed| json!(Failed::from(failed))));
    }
    let values = [
        so_far.execution_id.into(),
        last.into(),
        so_far.succeeded.into(),
        so_far.failed.into(),
        so_far.failures.clone().into(),
    ];
    tx.run(ADVANCE, values).await?;
    Ok(so_far)
}

const ADVANCE: &str = "
update schedule_bulk_operations set after_id = $2, succeeded = $3, failed = $4, failures = $5 where execution_id = $1";

/// Takes the row away: the result of the execution has it from now on.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn end(tx: &Tx, execution: Uuid) -> Result<Progress> {
    let over =
        tx.query_opt("delete from schedule_bulk_operations where execution_id = $1 returning *", [execution.into()]);
    over.await?.ok_or_else(|| Problem::internal("a bulk operation ended twice"))
}

/// How the operation of that task goes, or went.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn show(sql: &impl Sql, (kind, task): (&str, Uuid)) -> Result<Option<TaskOutcome>> {
    let found: Option<Shown> = sql.query_opt(SHOW, [task.into(), kind.into()]).await?;
    Ok(found.map(|found| TaskOutcome {
        task_id: task,
        status: found.state,
        matched: found.matched,
        success: found.success,
        failed_count: found.failed_count,
        failed: found.failed,
    }))
}

#[derive(FromQueryResult)]
struct Shown {
    state: String,
    matched: Option<i64>,
    success: i64,
    failed_count: i64,
    failed: Value,
}

const SHOW: &str = "
select e.state, coalesce(b.matched, (e.result ->> 'matched')::int8) as matched,
       coalesce(b.succeeded, (e.result ->> 'success')::int8, 0) as success,
       coalesce(b.failed, (e.result ->> 'failed_count')::int8, 0) as failed_count,
       coalesce(b.failures, e.result -> 'failed', '[]') as failed
from executions e left join schedule_bulk_operations b on b.execution_id = e.id
where e.id = $1 and e.kind = $2";
