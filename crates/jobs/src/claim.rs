//! Claims: the compare-and-set from queued to running, batched across concurrent tickets.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use kernel::{Problem, Result};
use store::Db;
use uuid::Uuid;

use crate::{
    batch::Batcher,
    job::{Backoff, Policy},
    tasks,
};

/// The longest wait when a schedule sets the first one.
const LONGEST_BACKOFF: Duration = Duration::from_secs(6 * 3600);

/// What a claim returns: everything an attempt needs.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Claimed {
    pub id: Uuid,
    pub kind: String,
    pub queue: String,
    pub priority: i16,
    pub args: String,
    pub attempt: i32,
    pub max_attempts: i32,
    /// Attempts that have failed so far: snoozes and hand-backs are not among them.
    pub failures: i32,
    pub run_at: DateTime<Utc>,
    pub started_at: DateTime<Utc>,
    pub lease_id: Uuid,
    pub scheduled_for: Option<DateTime<Utc>>,
    pub triggered_by: Option<String>,
    pub correlation_id: String,
    pub traceparent: Option<String>,
    /// Overrides of the kind's policy, from its schedule.
    pub retry_delay_seconds: Option<i32>,
    pub timeout_seconds: Option<i32>,
}

impl Claimed {
    /// How long this attempt may take.
    pub fn timeout(&self, policy: &Policy) -> Duration {
        self.timeout_seconds.map_or(policy.timeout, seconds)
    }

    /// The waits between its attempts.
    pub fn backoff(&self, policy: &Policy) -> Backoff {
        match self.retry_delay_seconds.map(seconds) {
            Some(first) => Backoff { first, most: LONGEST_BACKOFF.max(first) },
            None => policy.backoff,
        }
    }
}

fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::from(seconds.unsigned_abs()))
}

/// Claims executions for one process.
#[derive(Clone)]
pub(crate) struct Claims(Batcher<Uuid, Option<Claimed>>);

impl Claims {
    pub fn new(db: Db, process: Uuid, lease: Duration) -> Self {
        let db = Arc::new(db);
        Self(Batcher::new("claims", move |ids: Vec<Uuid>| {
            let db = db.clone();
            async move { claim(&db, process, lease, ids).await }
        }))
    }

    /// Moves `id` from queued to running, if it is due and nobody else did.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away; then nothing was claimed, or the lease will expire.
    pub async fn claim(&self, id: Uuid) -> Result<Option<Claimed>> {
        self.0.submit(id).await.unwrap_or_else(|| Err(Problem::internal("the claims task ended")))
    }
}

async fn claim(db: &Db, process: Uuid, lease: Duration, ids: Vec<Uuid>) -> Result<Vec<Result<Option<Claimed>>>> {
    let claimed = match run(db, CLAIM, (process, lease), &ids).await {
        Err(problem) if store::is_lock_timeout(&problem) => run(db, CLAIM_FREE, (process, lease), &ids).await,
        claimed => claimed,
    };
    let mut claimed: HashMap<Uuid, Claimed> = claimed?.into_iter().map(|row| (row.id, row)).collect();
    // The same id may be in the batch twice: the first one gets the row.
    Ok(ids.into_iter().map(|id| Ok(claimed.remove(&id))).collect())
}

async fn run(db: &Db, sql: &'static str, (process, lease): (Uuid, Duration), ids: &[Uuid]) -> Result<Vec<Claimed>> {
    let now = db.clock().now();
    let query = sqlx::query_as(sql)
        .bind(ids)
        .bind(now)
        // One id per batch fences every row in it: a batch never claims a row twice. The attempt number would not do,
        // since a claim that Postgres lost in a crash is followed by another one with the same number.
        .bind(Uuid::now_v7())
        .bind(now + lease)
        .bind(process);
    tasks::bounded(query.fetch_all(db.pool())).await
}

/// A claim with its condition. It need not survive a crash of Postgres (the row is queued again), so it does not wait for the
/// disk; the completion does. An execution that has to wait for another run of its schedule gets a new ticket when that one
/// is over.
macro_rules! claim {
    ($which:literal) => {
        concat!(
            "update executions e
set state = 'running', attempt = e.attempt + 1, lease_id = $3, lease_until = $4, worker = $5, started_at = $2,
    progress = null, cancel_requested_at = null
where ",
            $which,
            " and (select set_config('synchronous_commit', 'off', true)) = 'off'
returning e.id, e.kind, e.queue, e.priority, e.args::text as args, e.attempt, e.max_attempts, jsonb_array_length(e.errors) as failures, e.run_at, e.started_at, e.lease_id,
          e.scheduled_for, e.triggered_by, e.correlation_id, e.traceparent,
          e.retry_delay_seconds, e.timeout_seconds"
        )
    };
}

/// In one pass over the rows, which waits for one that is locked, but only a moment.
const CLAIM: &str = claim!(
    "id = any($1) and state = 'queued' and run_at <= $2
  and (schedule_id is null or execution_may_start(id, schedule_id))
  and (select set_config('lock_timeout', '20ms', true)) = '20ms'"
);

/// Locked rows are skipped: whoever holds one is claiming or cancelling it.
const CLAIM_FREE: &str = claim!(
    "id in (
    select id from executions
    where id = any($1) and state = 'queued' and run_at <= $2
      and (schedule_id is null or execution_may_start(id, schedule_id))
    order by id for update skip locked)"
);
