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
        let deleted = delete_before(&cx.db, before, me).await.or_retry()?;
        if me.cancelled().is_cancelled() {
            return Err(Problem::new(&kinds::UNAVAILABLE).detail(format!("stopped after {deleted} executions")))
                .or_retry();
        }
        let processes = cx.db.conn().run(BURIED, [before.into()]).await.or_retry()?;
        let days = cx.keep.num_days();
        let result = json!({"deleted": deleted, "before": before, "processes": processes});
        Ok(Done::Ok(Success::new(result, format!("deleted {deleted} finished executions older than {days} days"))))
    }
}

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

/// Mondays at midnight.
pub(crate) fn recurring() -> Recurring {
    Recurring::new("delete_old_job_executions", "0 0 * * 1", &DeleteOldExecutions {})
        .describe("Deletes finished executions older than EXECUTION_RETENTION_DAYS, in small batches")
}
