//! Keeping the history short: finished executions are deleted after a while.

use chrono::{DateTime, TimeDelta, Utc};
use jobs::{Attempt, Done, Failure, Job, OrFail, Policy, Queue, Success};
use kernel::{Problem, Result, kinds};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Db, Sql};
use uuid::Uuid;

use crate::recurring::Recurring;

/// Rows per statement: small, so that nothing waits for it.
const BATCH: i64 = 1_000;

/// Deletes finished executions that are older than the retention.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteOldExecutions {}

/// What it runs with.
#[derive(Clone)]
pub struct Retention {
    /// The database.
    pub db: Db,
    /// How long finished executions are kept.
    pub keep: TimeDelta,
}

impl Job for DeleteOldExecutions {
    type Cx = Retention;
    const KIND: &'static str = "engine.delete_old_executions";
    const QUEUE: Queue = Queue::Bulk;
    const POLICY: Policy = Policy::DEFAULT.timeout(std::time::Duration::from_secs(3600)).exclusive();

    async fn run(&self, cx: &Retention, me: &Attempt) -> Result<Done, Failure> {
        let before = cx.db.clock().now() - cx.keep;
        let partitions = drop_partitions(&cx.db, before, me).await.or_retry()?;
        let deleted = delete_before(&cx.db, before, me).await.or_retry()?;
        if me.cancelled().is_cancelled() {
            return Err(Problem::new(&kinds::UNAVAILABLE).detail(format!("stopped after {deleted} executions")))
                .or_retry();
        }
        let processes = cx.db.conn().run(BURIED, [before.into()]).await.or_retry()?;
        let schedules = forget_schedules(&cx.db, before, me).await.or_retry()?;
        let days = cx.keep.num_days();
        let result = json!({"deleted": deleted, "partitions": partitions, "before": before, "processes": processes, "schedules": schedules});
        Ok(Done::Ok(Success::new(result, format!("deleted {deleted} finished executions older than {days} days"))))
    }
}

/// Where `executions` is partitioned (docs/scaling.md): makes the partitions to come, and drops those that are over. What they
/// held is not counted.
async fn drop_partitions(db: &Db, before: DateTime<Utc>, me: &Attempt) -> Result<u64> {
    if db.conn().scalar(PARTITIONED, []).await? != Some(true) {
        return Ok(0);
    }
    let mut dropped = 0;
    while !me.cancelled().is_cancelled() {
        match db.conn().scalar::<i32, _>(ROLL, [before.into(), db.clock().now().into()]).await? {
            Some(0) | None => break,
            Some(some) => dropped += u64::from(some.unsigned_abs()),
        }
    }
    Ok(dropped)
}

const PARTITIONED: &str = "select to_regprocedure('roll_executions(timestamptz, timestamptz)') is not null";

const ROLL: &str = "select roll_executions($1, $2)";

/// Ids are made from the time of creation, so the oldest come first along the primary key: no index of its own is needed.
async fn delete_before(db: &Db, before: DateTime<Utc>, me: &Attempt) -> Result<u64> {
    let ceiling =
        Uuid::new_v7(uuid::Timestamp::from_unix_time(u64::try_from(before.timestamp()).unwrap_or_default(), 0, 0, 0));
    let (mut deleted, mut after) = (0, Uuid::nil());
    while !me.cancelled().is_cancelled() {
        let values = [before.into(), ceiling.into(), after.into(), BATCH.into()];
        let Some(batch) = db.conn().query_opt::<Batch, _>(DELETE, values).await? else {
            break;
        };
        deleted += batch.deleted.unsigned_abs();
        match batch.last {
            Some(last) => after = last,
            None => break,
        }
    }
    Ok(deleted)
}

#[derive(sea_orm::FromQueryResult)]
struct Batch {
    deleted: i64,
    last: Option<Uuid>,
}

/// One step along the primary key: looks at a batch, deletes what has ended, says where it came to.
const DELETE: &str = "
with batch as (select id, finished_at from executions where id < $2 and id > $3 order by id limit $4),
     gone as (delete from executions e using batch b where e.id = b.id and b.finished_at < $1 returning e.id)
select (select count(*) from gone) as deleted, (select id from batch order by id desc limit 1) as last";

const BURIED: &str = "delete from processes where ended_at < $1";

/// Deletes what only explains executions that are gone: past spans, undecided rounds, and schedules that were deleted or
/// have had their single run, once none of their executions is left.
async fn forget_schedules(db: &Db, before: DateTime<Utc>, me: &Attempt) -> Result<u64> {
    db.conn().run("delete from schedule_spans where to_at < $1", [before.into()]).await?;
    db.conn().run("delete from schedule_rounds where at < $1", [before.into()]).await?;
    let mut forgotten = 0;
    while !me.cancelled().is_cancelled() {
        match db.conn().run(FORGET, [before.into(), BATCH.into()]).await? {
            0 => break,
            some => forgotten += some,
        }
    }
    Ok(forgotten)
}

const FORGET: &str = "
delete from schedules using (
    select s.id from schedules s
    where s.origin = 'api'
      and (s.deleted_at < $1 or (s.schedule_type in ('one_time', 'immediate') and s.state in ('completed', 'failed')
                                 and coalesce(s.last_due_at, s.updated_at) < $1 and s.updated_at < $1))
      and not exists (select 1 from executions e where e.schedule_id = s.id)
      and not exists (select 1 from schedule_dependencies d where d.after_id = s.id or d.schedule_id = s.id)
    limit $2
) gone
where schedules.id = gone.id";

/// Mondays at midnight.
pub(crate) fn recurring() -> Recurring {
    Recurring::new("delete_old_job_executions", "0 0 * * 1", &DeleteOldExecutions {})
        .describe("Deletes finished executions older than EXECUTION_RETENTION_DAYS, in small batches")
}
