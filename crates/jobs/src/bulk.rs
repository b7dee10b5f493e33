//! Many executions in one statement.

use chrono::{DateTime, Utc};
use kernel::{ExecutionId, Result, ScheduleId, Trace};
use serde_json::Value;
use store::{Note, Sql, Tx};
use uuid::Uuid;

use crate::{
    enqueue::{BATCH, LOOKAHEAD, Trigger},
    job::Queue,
    metrics,
};

/// An execution to be written as it is.
#[derive(Clone, Debug)]
pub struct NewExecution {
    pub id: ExecutionId,
    pub kind: &'static str,
    pub queue: Queue,
    pub args: Value,
    /// The schedule that it belongs to.
    pub schedule: Option<ScheduleId>,
    /// The due time of its schedule that it is; a second row for it is not written.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// It stands for the due times up to this one that have no row of their own.
    pub covers_to: Option<DateTime<Utc>>,
    pub run_at: DateTime<Utc>,
    pub priority: i16,
    pub max_attempts: u16,
    /// Overrides the first wait of the kind's backoff, in seconds.
    pub retry_delay_seconds: Option<i32>,
    /// Overrides the kind's timeout.
    pub timeout_seconds: Option<i32>,
    pub unique_key: Option<String>,
    pub trigger: Trigger,
    pub triggered_by: Option<String>,
    pub correlation: Correlation,
    /// Of a chained execution: the round of the one that began the chain.
    pub round: Option<String>,
    pub state: NewState,
}

/// The chain that an execution belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Correlation {
    /// That of the request or attempt at hand; where there is none, it begins one.
    #[default]
    Current,
    /// It begins one, under its own id.
    Own,
    /// This one.
    Of(String),
}

/// What an execution is born as.
#[derive(Clone, Debug, PartialEq)]
pub enum NewState {
    /// It will run.
    Queued,
    /// An occurrence that was left out, for this reason; for programs, its cause in the result.
    Skipped(String, Value),
    /// An occurrence that was due while nothing could run it, or was too late, for this reason. A range of them is one row,
    /// with its extent in the result.
    Missed(String, Value),
}

/// Writes `rows`; those whose occurrence or unique key exists already are left out. Returns the ids of the new ones.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn insert_many(tx: &Tx, rows: &[NewExecution]) -> Result<Vec<ExecutionId>> {
    let mut inserted = Vec::with_capacity(rows.len());
    for batch in rows.chunks(BATCH) {
        inserted.extend(insert_batch(tx, batch).await?);
    }
    Ok(inserted)
}

async fn insert_batch(tx: &Tx, rows: &[NewExecution]) -> Result<Vec<ExecutionId>> {
    let trace = Trace::present();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let dispatched =
        |row: &NewExecution| row.state == NewState::Queued && tx.is_heard() && row.run_at - tx.now() < LOOKAHEAD;
    let texts = |pick: fn(&NewExecution) -> String| rows.iter().map(pick).collect::<Vec<String>>();
    let traceparent = trace.as_ref().and_then(|trace| trace.traceparent.as_deref()).unwrap_or_default().to_owned();
    let correlation = |row: &NewExecution| match &row.correlation {
        Correlation::Current => {
            trace.as_ref().map_or_else(|| row.id.to_string(), |trace| trace.correlation_id.to_string())
        }
        Correlation::Own => row.id.to_string(),
        Correlation::Of(id) => id.clone(),
    };
    let values: [sea_orm::Value; 20] = [
        ids.clone().into(),
        texts(|row| row.kind.to_owned()).into(),
        texts(|row| row.queue.name().to_owned()).into(),
        texts(|row| row.schedule.map(|id| id.to_string()).unwrap_or_default()).into(),
        texts(|row| row.scheduled_for.map(|at| at.to_rfc3339()).unwrap_or_default()).into(),
        texts(|row| row.args.to_string()).into(),
        texts(|row| state_name(&row.state).to_owned()).into(),
        rows.iter().map(|row| row.priority).collect::<Vec<i16>>().into(),
        rows.iter().map(|row| i32::from(row.max_attempts)).collect::<Vec<i32>>().into(),
        rows.iter().map(|row| row.run_at).collect::<Vec<DateTime<Utc>>>().into(),
        rows.iter().map(dispatched).collect::<Vec<bool>>().into(),
        texts(|row| row.unique_key.clone().unwrap_or_default()).into(),
        texts(|row| format!("{}\u{1f}{}", row.trigger.name(), row.triggered_by.as_deref().unwrap_or_default())).into(),
        texts(|row| message(&row.state).to_owned()).into(),
        texts(|row| extent(&row.state)).into(),
        vec![traceparent, tx.now().to_rfc3339()].into(),
        rows.iter().map(correlation).collect::<Vec<String>>().into(),
        texts(|row| row.round.clone().unwrap_or_default()).into(),
        texts(|row| row.covers_to.map(|at| at.to_rfc3339()).unwrap_or_default()).into(),
        texts(|row| format!("{},{}", number(row.retry_delay_seconds), number(row.timeout_seconds))).into(),
    ];
    let new: Vec<New> = tx.query(INSERT, values).await?;
    let by_id: std::collections::HashMap<Uuid, &NewExecution> = ids.into_iter().zip(rows).collect();
    for New { id } in &new {
        let Some(row) = by_id.get(id) else { continue };
        if dispatched(row) {
            tx.note(Note { topic: row.queue.name(), id: *id, at: row.run_at, rank: row.priority });
        }
        if row.state == NewState::Queued {
            metrics::enqueued(row.kind, row.queue, 1);
        }
    }
    Ok(new.into_iter().map(|row| row.id.into()).collect())
}

#[derive(sea_orm::FromQueryResult)]
struct New {
    id: Uuid,
}

fn number(number: Option<i32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn state_name(state: &NewState) -> &'static str {
    match state {
        NewState::Queued => "queued",
        NewState::Skipped(..) => "skipped",
        NewState::Missed(..) => "missed",
    }
}

fn message(state: &NewState) -> &str {
    match state {
        NewState::Queued => "",
        NewState::Skipped(reason, _) | NewState::Missed(reason, _) => reason,
    }
}

fn extent(state: &NewState) -> String {
    match state {
        NewState::Skipped(_, extent) | NewState::Missed(_, extent) if !extent.is_null() => extent.to_string(),
        _ => String::new(),
    }
}

/// Empty texts stand for nulls; what every row shares comes once, in `$16`.
const INSERT: &str = "
insert into executions (id, kind, queue, schedule_id, scheduled_for, args, state, priority, max_attempts, run_at,
                        dispatched_at, unique_key, trigger, triggered_by, message, result, finished_at,
                        correlation_id, traceparent, created_at, round, covers_to, retry_delay_seconds, timeout_seconds)
select r.id, r.kind, r.queue, nullif(r.schedule_id, '')::uuid, nullif(r.scheduled_for, '')::timestamptz, r.args::jsonb,
       r.state, r.priority, r.max_attempts, r.run_at, case when r.dispatched then greatest(r.run_at, ($16::text[])[2]::timestamptz) end, nullif(r.unique_key, ''),
       split_part(r.cause, e'\\x1f', 1), nullif(split_part(r.cause, e'\\x1f', 2), ''), nullif(r.message, ''),
       nullif(r.result, '')::jsonb, case when r.state <> 'queued' then ($16::text[])[2]::timestamptz end,
       r.correlation_id, nullif(($16::text[])[1], ''), ($16::text[])[2]::timestamptz,
       nullif(r.round, ''), nullif(r.covers_to, '')::timestamptz,
       nullif(split_part(r.limits, ',', 1), '')::int, nullif(split_part(r.limits, ',', 2), '')::int
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int2[], $9::int4[],
            $10::timestamptz[], $11::bool[], $12::text[], $13::text[], $14::text[], $15::text[], $17::text[], $18::text[],
            $19::text[], $20::text[])
     as r (id, kind, queue, schedule_id, scheduled_for, args, state, priority, max_attempts, run_at, dispatched,
           unique_key, cause, message, result, correlation_id, round, covers_to, limits)
on conflict do nothing
returning id";
