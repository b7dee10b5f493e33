//! The one way work comes into being: a row, in the transaction of the business data it belongs to.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{ExecutionId, Problem, Result, Trace, UserId};
use sea_orm::Value as Param;
use serde_json::Value;
use store::{Note, Sql, Tx};

use crate::{
    job::{Job, Queue},
    metrics,
};

/// Tickets further ahead than this stay out of Redis until the relay pushes them.
pub(crate) const LOOKAHEAD: TimeDelta = TimeDelta::hours(1);

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
    pub(crate) fn run_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.when {
            When::Now => now,
            When::After(delay) => now + delay,
            When::At(instant) => instant.max(now),
        }
    }

    pub(crate) fn priority_or_default(&self) -> i16 {
        self.priority.unwrap_or(5)
    }

    pub(crate) fn max_attempts_or(&self, default: u16) -> u16 {
        self.max_attempts.unwrap_or(default)
    }

    pub(crate) fn trigger_kind(&self) -> Trigger {
        self.trigger
    }

    pub(crate) fn triggered_by_text(&self) -> Option<String> {
        self.triggered_by.clone()
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
    let run_at = options.run_at(tx.now());
    let trace = Trace::present();
    let id = ExecutionId::new();
    // Born dispatched when this process pushes its ticket after the commit: the happy path costs no second write.
    let dispatched_at = (tx.is_heard() && run_at - tx.now() < LOOKAHEAD).then_some(run_at);
    let priority = options.priority_or_default();
    let correlation = trace.as_ref().map(|trace| trace.correlation_id.to_string());
    let traceparent = trace.and_then(|trace| trace.traceparent).map(|text| text.to_string());
    let values: [Param; 14] = [
        id.0.into(),
        work.kind.into(),
        work.queue.name().into(),
        work.args.clone().into(),
        priority.into(),
        i32::from(work.max_attempts).into(),
        run_at.into(),
        dispatched_at.into(),
        work.unique_key.clone().into(),
        options.trigger.name().into(),
        options.triggered_by.into(),
        options.correlation_id.or(correlation).unwrap_or_else(|| id.to_string()).into(),
        traceparent.into(),
        tx.now().into(),
    ];
    for _ in 0..3 {
        if tx.run(INSERT, values.clone()).await? == 1 {
            if dispatched_at.is_some() {
                tx.note(Note { topic: work.queue.name(), id: id.0, at: run_at, rank: priority });
            }
            metrics::enqueued(work.kind, work.queue, 1);
            return Ok(Enqueued { id, run_at, created: true });
        }
        // Under read committed the row that was in the way is visible, unless it has finished since: then insert again.
        if let Some(row) = existing(tx, &work).await? {
            return Ok(Enqueued { id: row.id.into(), run_at: row.run_at, created: false });
        }
    }
    Err(Problem::new(&kernel::kinds::UNAVAILABLE).detail("jobs with this key come and go too fast; ask again"))
}

const INSERT: &str = "
insert into executions (id, kind, queue, args, state, priority, max_attempts, run_at, dispatched_at, unique_key, trigger,
                        triggered_by, correlation_id, traceparent, created_at)
values ($1, $2, $3, $4, 'queued', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict do nothing";

/// The execution that an insert ran into.
async fn existing(tx: &Tx, work: &Work) -> Result<Option<Existing>> {
    tx.query_opt(EXISTING, [work.kind.into(), work.unique_key.clone().into()]).await
}

#[derive(sea_orm::FromQueryResult)]
struct Existing {
    id: uuid::Uuid,
    run_at: DateTime<Utc>,
}

const EXISTING: &str =
    "select id, run_at from executions where kind = $1 and unique_key = $2 and state in ('queued', 'running') limit 1";
