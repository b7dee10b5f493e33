//! What a running job knows about its attempt, and how it commits its work.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::{ExecutionId, Result};
use sea_orm::Value as Param;
use store::{Db, Sql, Tx};
use tokio_util::sync::CancellationToken;

use crate::{
    claim::Claimed,
    finish::{storable_json, storable_text},
    job::{Done, Failure, Success},
    problems,
};

/// One attempt of one execution.
pub struct Attempt {
    claimed: Arc<Claimed>,
    db: Db,
    deadline: DateTime<Utc>,
    cancel: CancellationToken,
}

impl Attempt {
    pub(crate) fn new(claimed: Arc<Claimed>, db: Db, deadline: DateTime<Utc>, cancel: CancellationToken) -> Self {
        Self { claimed, db, deadline, cancel }
    }

    /// The execution: also the idempotency key of whatever the job sends outside.
    pub fn id(&self) -> ExecutionId {
        self.claimed.id.into()
    }

    /// 1 for the first attempt.
    pub fn number(&self) -> u32 {
        self.claimed.attempt.unsigned_abs()
    }

    /// Whether a failure now would be the last one.
    pub fn is_last(&self) -> bool {
        self.claimed.attempt >= self.claimed.max_attempts
    }

    /// The occurrence that this is, when a schedule caused it.
    pub fn scheduled_for(&self) -> Option<DateTime<Utc>> {
        self.claimed.scheduled_for
    }

    /// Who or what caused it.
    pub fn triggered_by(&self) -> Option<&str> {
        self.claimed.triggered_by.as_deref()
    }

    /// When the attempt times out.
    pub fn deadline(&self) -> DateTime<Utc> {
        self.deadline
    }

    /// Cancelled when the attempt should stop: a cancel request, a lost lease or lock, shutdown, the timeout.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Reports progress, 0 to 100 percent.
    ///
    /// # Errors
    /// `lease-lost` when another worker has taken over; `unavailable` when Postgres is away.
    pub async fn progress(&self, percent: u8) -> Result<()> {
        let values: [Param; 3] =
            [self.claimed.id.into(), self.claimed.lease_id.into(), i16::from(percent.min(100)).into()];
        if self.db.conn().run(PROGRESS, values).await? == 0 { Err(problems::lease_lost()) } else { Ok(()) }
    }

    /// Runs `work` and records the execution as succeeded in one transaction: its effects in Postgres exist exactly
    /// once. A worker whose lease was taken over commits nothing. Holds the row's lock from the start, so that two
    /// attempts cannot even overlap.
    ///
    /// # Errors
    /// A retry when the problem is transient or the lease is lost, else fatal.
    pub async fn commit<F>(&self, work: F) -> Result<Done, Failure>
    where
        F: AsyncFnOnce(Tx) -> Result<Success> + Clone,
    {
        let committed = self.db.tx(async move |tx: Tx| {
            let fence: [Param; 2] = [self.claimed.id.into(), self.claimed.lease_id.into()];
            if tx.scalar::<i32, _>(FENCE, fence).await?.is_none() {
                return Err(problems::lease_lost());
            }
            let tx_now = tx.now();
            // The closure gets a handle of its own; the row is finished after it, in the same transaction.
            let success = work(tx.share()).await?;
            let values: [Param; 5] = [
                self.claimed.id.into(),
                self.claimed.lease_id.into(),
                tx_now.max(self.db.clock().now()).into(),
                storable_json(success.result).into(),
                storable_text(&success.message).into(),
            ];
            if tx.run(FINISH, values).await? == 0 { Err(problems::lease_lost()) } else { Ok(()) }
        });
        committed.await.map_err(Failure::by_kind)?;
        Ok(Done::Committed)
    }
}

const PROGRESS: &str = "update executions set progress = $3 where id = $1 and lease_id = $2 and state = 'running'";

const FENCE: &str = "select 1 from executions where id = $1 and lease_id = $2 and state = 'running' for update";

const FINISH: &str = "
update executions
set state = 'succeeded', finished_at = $3, duration_ms = greatest(0, extract(epoch from $3 - started_at) * 1000)::bigint,
    result = nullif($4, 'null'::jsonb), message = nullif($5, ''), lease_id = null, lease_until = null
where id = $1 and lease_id = $2 and state = 'running'";
