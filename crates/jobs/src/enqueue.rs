//! The one way work comes into being: a row, in the transaction of the business data it belongs to.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{ExecutionId, Problem, Result, Trace, UserId};
use sea_orm::Value as Param;
use serde_json::Value;
use store::{Note, Sql, Tx};
use uuid::Uuid;

use crate::{
    job::{Job, Queue},
    metrics,
};

/// Tickets further ahead than this stay out of Redis until the relay pushes them.
pub(crate) const LOOKAHEAD: TimeDelta = TimeDelta::hours(1);

/// Rows per statement.
pub(crate) const BATCH: usize = 2_000;

/// Why an execution exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trigger {
    /// A request, or another job on its behalf.
    #[default]
    Api,
    /// A schedule that came due.
    Schedule,
    /// A person asked for this run.
    Manual,
    /// A person asked for a failed one again.
    Retry,
    /// A range of past occurrences was asked for.
    Backfill,
    /// Another execution ended.
    Chain,
}

impl Trigger {
    /// The name in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Schedule => "schedule",
            Self::Manual => "manual",
            Self::Retry => "retry",
            Self::Backfill => "backfill",
            Self::Chain => "chain",
        }
    }
}

/// When and how to run; the default is at once, at priority 5.
#[derive(Clone, Debug, Default)]
pub struct Enqueue {
    when: When,
    priority: Option<i16>,
    max_attempts: Option<u16>,
    trigger: Trigger,
    triggered_by: Option<String>,
    correlation_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
enum When {
    #[default]
    Now,
    After(Duration),
    At(DateTime<Utc>),
}

impl Enqueue {
    /// At once.
    pub fn now() -> Self {
        Self::default()
    }

    /// This long after the transaction began.
    pub fn after(delay: Duration) -> Self {
        Self { when: When::After(delay), ..Self::default() }
    }

    /// At this instant; at once if it has passed.
    pub fn at(instant: DateTime<Utc>) -> Self {
        Self { when: When::At(instant), ..Self::default() }
    }

    /// 1 to 10. Above 5 it goes to the front of its queue's line; the relay pushes higher ones first.
    pub fn priority(mut self, priority: i16) -> Self {
        self.priority = Some(priority.clamp(1, 10));
        self
    }

    /// Overrides the kind's number of attempts.
    pub fn max_attempts(mut self, attempts: u16) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// The reader it is done for: they may watch it as a task.
    pub fn by_user(self, user: UserId) -> Self {
        self.by(user.to_string())
    }

    /// Who or what caused it.
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.triggered_by = Some(who.into());
        self
    }

    /// Why it exists.
    pub fn trigger(mut self, trigger: Trigger) -> Self {
        self.trigger = trigger;
        self
    }

    /// Ties it to a chain other than the current request's.
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }
}

impl Enqueue {
    fn run_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.when {
            When::Now => now,
            When::After(delay) => now + delay,
            When::At(instant) => instant.max(now),
        }
    }

    fn max_attempts_or(&self, default: u16) -> u16 {
        self.max_attempts.unwrap_or(default)
    }
}

/// An execution that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The new execution, or the one that was there already.
    pub id: ExecutionId,
    /// When it runs at the earliest.
    pub run_at: DateTime<Utc>,
    /// `false` when a unique job with the same key was waiting or running.
    pub created: bool,
}

/// Enqueues `job` in `tx`. Nothing exists unless `tx` commits; once it does, the job runs, whatever happens to this
/// process or to Redis.
///
/// # Errors
/// `internal-error` when the arguments cannot be serialised; `unavailable` when Postgres is away.
pub async fn enqueue<J: Job>(tx: &Tx, job: &J, options: Enqueue) -> Result<Enqueued> {
    let work = Work {
        kind: J::KIND,
        queue: J::QUEUE,
        args: serde_json::to_value(job)?,
        unique_key: job.unique_key(),
        max_attempts: options.max_attempts_or(J::POLICY.max_attempts),
    };
    enqueue_work(tx, work, options).await
}

/// A job whose type is not known where it is enqueued: the target of a schedule.
#[derive(Clone, Debug)]
pub struct Work {
    /// The kind; it must be one of the registry's.
    pub kind: &'static str,
    /// Its queue.
    pub queue: Queue,
    /// Its arguments, valid for the kind.
    pub args: Value,
    /// See [`Job::unique_key`].
    pub unique_key: Option<String>,
    /// Attempts before it counts as failed.
    pub max_attempts: u16,
}

/// [`enqueue`] for a job known only by its kind.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn enqueue_work(tx: &Tx, work: Work, options: Enqueue) -> Result<Enqueued> {
    let rows =
        Rows { ids: vec![Uuid::now_v7()], args: vec![work.args.to_string()], keys: vec![work.unique_key.clone()] };
    let common = Common::of(tx, (work.kind, work.queue), work.max_attempts, &options);
    for _ in 0..3 {
        if let Some(id) = common.insert(tx, rows.clone()).await?.first() {
            return Ok(Enqueued { id: (*id).into(), run_at: common.run_at, created: true });
        }
        // Under read committed the row that was in the way is visible, unless it has finished since: then insert again.
        if let Some(row) = existing(tx, &work).await? {
            return Ok(Enqueued { id: row.id.into(), run_at: row.run_at, created: false });
        }
    }
    Err(Problem::new(&kernel::kinds::UNAVAILABLE).detail("jobs with this key come and go too fast; ask again"))
}

/// Enqueues every one of `jobs`, all under the same options. Returns how many are new: jobs whose unique key waits or runs
/// already are left out.
///
/// # Errors
/// `internal-error` when the arguments cannot be serialised; `unavailable` when Postgres is away.
pub async fn enqueue_many<J: Job>(tx: &Tx, jobs: &[J], options: &Enqueue) -> Result<usize> {
    let common = Common::of(tx, (J::KIND, J::QUEUE), options.max_attempts_or(J::POLICY.max_attempts), options);
    let mut created = 0;
    for jobs in jobs.chunks(BATCH) {
        let args = jobs.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        let ids = jobs.iter().map(|_| Uuid::now_v7()).collect();
        let rows = Rows { ids, args, keys: jobs.iter().map(Job::unique_key).collect() };
        created += common.insert(tx, rows).await?.len();
    }
    Ok(created)
}

/// What tells executions apart that are enqueued together.
#[derive(Clone)]
struct Rows {
    ids: Vec<Uuid>,
    args: Vec<String>,
    keys: Vec<Option<String>>,
}

/// What they have in common.
struct Common {
    kind: &'static str,
    queue: Queue,
    run_at: DateTime<Utc>,
    /// Born dispatched when this process pushes their tickets after the commit: the happy path costs no second write.
    dispatched_at: Option<DateTime<Utc>>,
    priority: i16,
    values: [Param; 11],
}

impl Common {
    fn of(tx: &Tx, (kind, queue): (&'static str, Queue), max_attempts: u16, options: &Enqueue) -> Self {
        let run_at = options.run_at(tx.now());
        let dispatched_at = (tx.is_heard() && run_at - tx.now() < LOOKAHEAD).then_some(run_at);
        let priority = options.priority.unwrap_or(5);
        let trace = Trace::present();
        let correlation = trace.as_ref().map(|trace| trace.correlation_id.to_string());
        let values = [
            kind.into(),
            queue.name().into(),
            priority.into(),
            i32::from(max_attempts).into(),
            run_at.into(),
            dispatched_at.into(),
            options.trigger.name().into(),
            options.triggered_by.clone().into(),
            options.correlation_id.clone().or(correlation).into(),
            trace.and_then(|trace| trace.traceparent).map(|text| text.to_string()).into(),
            tx.now().into(),
        ];
        Self { kind, queue, run_at, dispatched_at, priority, values }
    }

    /// Writes `rows`; returns the ids of those that are new.
    async fn insert(&self, tx: &Tx, rows: Rows) -> Result<Vec<Uuid>> {
        let unique = rows.keys.iter().any(Option::is_some);
        let keys: Vec<String> = rows.keys.into_iter().map(Option::unwrap_or_default).collect();
        let values = [rows.ids.clone().into(), rows.args.into(), keys.into()].into_iter().chain(self.values.clone());
        let ids = if unique {
            let new: Vec<New> = tx.query(INSERT, values).await?;
            new.into_iter().map(|row| row.id).collect()
        } else {
            tx.run_later(INSERT, values); // nothing can be in its way
            rows.ids
        };
        metrics::enqueued(self.kind, self.queue, ids.len() as u64);
        if self.dispatched_at.is_some() {
            for &id in &ids {
                tx.note(Note { topic: self.queue.name(), id, at: self.run_at, rank: self.priority });
            }
        }
        Ok(ids)
    }
}

#[derive(sea_orm::FromQueryResult)]
struct New {
    id: Uuid,
}

/// An execution that begins a chain has its own id for the chain's; an empty key is none.
const INSERT: &str = "
insert into executions (id, args, unique_key, kind, queue, state, priority, max_attempts, run_at, dispatched_at, trigger,
                        triggered_by, correlation_id, traceparent, created_at)
select r.id, r.args::jsonb, nullif(r.unique_key, ''), $4, $5, 'queued', $6, $7, $8, $9, $10, $11, coalesce($12, r.id::text), $13, $14
from unnest($1::uuid[], $2::text[], $3::text[]) as r (id, args, unique_key)
on conflict do nothing
returning id";

/// The execution that an insert ran into.
async fn existing(tx: &Tx, work: &Work) -> Result<Option<Existing>> {
    tx.query_opt(EXISTING, [work.kind.into(), work.unique_key.clone().into()]).await
}

#[derive(sea_orm::FromQueryResult)]
struct Existing {
    id: Uuid,
    run_at: DateTime<Utc>,
}

const EXISTING: &str =
    "select id, run_at from executions where kind = $1 and unique_key = $2 and state in ('queued', 'running') limit 1";
