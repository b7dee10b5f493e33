//! Completions: how an attempt's end is recorded, fenced by its lease and batched across concurrent attempts.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use kernel::{Problem, Result};
use serde_json::Value;
use store::Db;
use uuid::Uuid;

use crate::{batch::Batcher, tasks};

/// How long the record of an end is tried while Postgres is away. Then the lease has expired and another worker runs it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The end of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Finish {
    pub id: Uuid,
    pub lease_id: Uuid,
    pub at: DateTime<Utc>,
    pub end: End,
}

/// What becomes of the execution.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Succeeded {
        result: Value,
        message: String,
    },
    Failed {
        error: Value,
    },
    Cancelled {
        reason: String,
    },
    /// Queued again; with an `error` when the attempt failed.
    Again {
        run_at: DateTime<Utc>,
        error: Option<Value>,
        counts: Counts,
    },
}

/// Whether an attempt uses up one of `max_attempts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    Yes,
    No,
}

/// What became of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    Yes,
    /// It was to be queued again, but somebody had asked to cancel it: it is cancelled.
    Cancelled,
    /// The lease was taken over: what this attempt did does not count.
    LeaseLost,
    /// The row is locked: by a statement of the attempt itself that was cut off but still runs. Try again.
    Locked,
}

/// Records ends for one process.
#[derive(Clone)]
pub(crate) struct Finisher(Batcher<Finish, Recorded>);

impl Finisher {
    pub fn new(db: Db) -> Self {
        let db = Arc::new(db);
        Self(Batcher::new("completions", move |batch: Vec<Finish>| {
            let db = db.clone();
            async move { record_all(&db, &batch).await }
        }))
    }

    /// Records `finish`, waiting out a restart of Postgres and a row that is locked.
    ///
    /// # Errors
    /// `unavailable` when Postgres stayed away; `internal-error` when it cannot be recorded at all.
    pub async fn finish(&self, finish: Finish) -> Result<Recorded> {
        let began = tokio::time::Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            let ended = || Err(Problem::internal("the completions task ended"));
            match self.0.submit(finish.clone()).await.unwrap_or_else(ended) {
                Ok(Recorded::Locked) if began.elapsed() < PATIENCE => {}
                Err(problem) if began.elapsed() < PATIENCE && tasks::is_outage(&problem) => {}
                outcome => return outcome,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
}

/// Records a batch; when it is refused for anything but an outage, one by one, so that none takes the others with it.
async fn record_all(db: &Db, batch: &[Finish]) -> Result<Vec<Result<Recorded>>> {
    match record(db, batch).await {
        Ok(recorded) => Ok(recorded.into_iter().map(Ok).collect()),
        Err(problem) if batch.len() == 1 || tasks::is_outage(&problem) => Err(problem),
        Err(_) => {
            let mut recorded = Vec::with_capacity(batch.len());
            for finish in batch {
                let one = record(db, std::slice::from_ref(finish)).await;
                recorded.push(one.and_then(|one| one.first().copied().ok_or_else(|| Problem::internal("no answer"))));
            }
            Ok(recorded)
        }
    }
}

/// The batch as columns, for `unnest`.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    leases: Vec<Uuid>,
    states: Vec<&'static str>,
    ats: Vec<DateTime<Utc>>,
    run_ats: Vec<Option<DateTime<Utc>>>,
    results: Vec<Option<String>>,
    messages: Vec<Option<String>>,
    errors: Vec<Option<String>>,
    extras: Vec<i32>,
}

impl Columns {
    fn of(batch: &[Finish]) -> Self {
        let mut columns = Self::default();
        for finish in batch {
            columns.push(finish);
        }
        columns
    }

    fn push(&mut self, finish: &Finish) {
        self.ids.push(finish.id);
        self.leases.push(finish.lease_id);
        self.ats.push(finish.at);
        let (state, run_at, result, message, error, extra) = match &finish.end {
            End::Succeeded { result, message } => ("succeeded", None, json(result), text(message), None, 0),
            End::Failed { error } => ("failed", None, None, None, json(error), 0),
            End::Cancelled { reason } => ("cancelled", None, None, text(reason), None, 0),
            End::Again { run_at, error, counts } => {
                ("queued", Some(*run_at), None, None, error.as_ref().and_then(json), i32::from(*counts == Counts::No))
            }
        };
        self.states.push(state);
        self.run_ats.push(run_at);
        self.results.push(result);
        self.messages.push(message);
        self.errors.push(error);
        self.extras.push(extra);
    }
}

fn json(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| storable_json(value.clone()).to_string())
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| storable_text(text))
}

/// Postgres takes no NUL in text.
pub(crate) fn storable_text(text: &str) -> String {
    text.replace('\0', "")
}

/// Nor in the strings of jsonb. Taken out of the values, not of the serialised text: there it looks like what a text about
/// `\u0000` looks like.
pub(crate) fn storable_json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable_text(&text)),
        Value::Array(items) => items.into_iter().map(storable_json).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (storable_text(&name), storable_json(value))).collect()
        }
        other => other,
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    lease_id: Uuid,
    state: Option<String>,
}

async fn record(db: &Db, batch: &[Finish]) -> Result<Vec<Recorded>> {
    if batch.iter().all(|finish| matches!(finish.end, End::Succeeded { .. })) {
        match record_successes(db, batch).await {
            Err(problem) if store::is_lock_timeout(&problem) => {}
            recorded => return recorded,
        }
    }
    record_any(db, batch).await
}

/// The usual case, at half the price: one pass over the rows, which waits for one that is locked, but only a moment.
async fn record_successes(db: &Db, batch: &[Finish]) -> Result<Vec<Recorded>> {
    let columns = Columns::of(batch);
    let query = sqlx::query_as(SUCCEED)
        .bind(&columns.ids)
        .bind(&columns.leases)
        .bind(&columns.ats)
        .bind(&columns.results)
        .bind(&columns.messages);
    let done: Vec<(Uuid, Uuid)> = tasks::bounded(query.fetch_all(db.pool())).await?;
    let done: HashSet<(Uuid, Uuid)> = done.into_iter().collect();
    let recorded = |finish: &Finish| done.contains(&(finish.id, finish.lease_id));
    Ok(batch.iter().map(|finish| if recorded(finish) { Recorded::Yes } else { Recorded::LeaseLost }).collect())
}

async fn record_any(db: &Db, batch: &[Finish]) -> Result<Vec<Recorded>> {
    let columns = Columns::of(batch);
    let query = sqlx::query_as(RECORD)
        .bind(&columns.ids)
        .bind(&columns.leases)
        .bind(&columns.states)
        .bind(&columns.ats)
        .bind(&columns.run_ats)
        .bind(&columns.results)
        .bind(&columns.messages)
        .bind(&columns.errors)
        .bind(&columns.extras);
    let rows: Vec<Row> = tasks::bounded(query.fetch_all(db.pool())).await?;
    let rows: HashMap<(Uuid, Uuid), Option<String>> =
        rows.into_iter().map(|row| ((row.id, row.lease_id), row.state)).collect();
    Ok(batch.iter().map(|finish| recorded(finish, rows.get(&(finish.id, finish.lease_id)))).collect())
}

fn recorded(finish: &Finish, row: Option<&Option<String>>) -> Recorded {
    match row {
        None => Recorded::LeaseLost,
        Some(None) => Recorded::Locked,
        Some(Some(state)) if state == "cancelled" && matches!(finish.end, End::Again { .. }) => Recorded::Cancelled,
        Some(Some(_)) => Recorded::Yes,
    }
}

// A row has a lease exactly while it runs, so the lease alone is the fence: only its holder may finish. Naming the state as well
// would lead the planner to the index of running rows, which is small in its statistics and full of dead entries in truth.

/// A lock is waited for longer than a cancellation by a request takes, and not so long that the other ends of the batch notice.
const SUCCEED: &str = "
update executions e
set state = 'succeeded', finished_at = f.at, duration_ms = greatest(0, extract(epoch from f.at - e.started_at) * 1000)::bigint,
    result = f.result::jsonb, message = f.message, lease_id = null, lease_until = null
from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[]) as f (id, lease_id, at, result, message)
where e.id = f.id and e.lease_id = f.lease_id and (select set_config('lock_timeout', '100ms', true)) = '100ms'
returning f.id, f.lease_id";

/// Rows that are locked are left out and reported without a state. A
/// row that is queued again is dispatched by this process, unless somebody has asked to cancel it.
const RECORD: &str = "
with f as (
    select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::int[])
         as f (id, lease_id, state, at, run_at, result, message, error, extra)
), free as (
    select e.id, f.state = 'queued' and e.cancel_requested_at is not null as cancelled
    from executions e join f on f.id = e.id and f.lease_id = e.lease_id
    order by e.id for update of e skip locked
), done as (
    update executions e
    set state = case when free.cancelled then 'cancelled' else f.state end,
        run_at = coalesce(f.run_at, e.run_at), dispatched_at = coalesce(f.run_at, e.dispatched_at),
        finished_at = case when f.state = 'queued' and not free.cancelled then null else f.at end,
        duration_ms = greatest(0, extract(epoch from f.at - e.started_at) * 1000)::bigint,
        result = f.result::jsonb, message = case when free.cancelled then 'cancelled on request' else f.message end,
        errors = case when f.error is null then e.errors else e.errors || f.error::jsonb end,
        max_attempts = e.max_attempts + f.extra, lease_id = null, lease_until = null
    from f join free on free.id = f.id
    where e.id = f.id
    returning e.id, e.state
)
select f.id, f.lease_id, done.state
from f join executions e on e.id = f.id and e.lease_id = f.lease_id
left join done on done.id = f.id";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_postgres_would_refuse_is_left_out() {
        assert_eq!(text("a\0b").as_deref(), Some("ab"));
        assert_eq!(json(&json!({"error": ["a\0b"]})).as_deref(), Some(r#"{"error":["ab"]}"#));
        let about = json!({"error": r"\u0000 cannot be converted to text"});
        assert_eq!(json(&about).unwrap().parse::<Value>().unwrap(), about, "a text about it is kept");
    }
}
