//! The tick: turns due schedules into executions. The only place that does.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use jobs::{NewExecution, NewState, Registry, Trigger};
use kernel::Result;
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{Db, Sql, Tx};
use uuid::Uuid;

use crate::{
    due::{self, CatchUp, Fate},
    overlap::{self, Active, Overlap},
    time::Spec,
    timing::StoredTiming,
};

/// Schedules per transaction.
const BATCH: i64 = 500;
/// The most transactions of one tick; the next tick goes on.
const MOST_BATCHES: usize = 200;

/// What one tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Schedules that were due.
    pub due: usize,
    /// Executions that were written, whatever their state.
    pub written: usize,
}

/// Claims what is due and writes its executions. Any number of processes may tick at the same time: each due time is
/// claimed by one of them, and an occurrence cannot be written twice.
///
/// # Errors
/// `unavailable` when Postgres is away; then nothing of the batch at hand was written.
pub async fn tick(db: &Db, registry: &Registry) -> Result<Ticked> {
    let mut total = Ticked::default();
    // Most seconds nothing is due: then one statement answers, and no transaction is begun.
    let known = registry.names();
    if db.conn().scalar::<i32, _>(ANY_DUE, [db.clock().now().into(), known.clone().into()]).await?.is_none() {
        return Ok(total);
    }
    for _ in 0..MOST_BATCHES {
        let batch = db.tx(async |tx| tick_batch(&tx, registry, &known).await).await?;
        total.due += batch.due;
        total.written += batch.written;
        if batch.due < BATCH as usize {
            break;
        }
    }
    Ok(total)
}

#[derive(Debug, FromQueryResult)]
struct Row {
    id: Uuid,
    name: String,
    kind: String,
    args: Value,
    timing: Value,
    priority: i16,
    catch_up: String,
    overlap: String,
    max_instances: i32,
    misfire_grace_seconds: Option<i32>,
    next_run_at: DateTime<Utc>,
}

/// Kinds that this code does not know are left to a process that does: during a deploy an older worker ticks too.
const ANY_DUE: &str = "select 1 from schedules where state = 'active' and next_run_at <= $1 and kind = any($2) limit 1";

const DUE: &str = "
select id, name, kind, args, timing, priority, catch_up, overlap, max_instances, misfire_grace_seconds, next_run_at
from schedules where state = 'active' and next_run_at <= $1 and kind = any($2)
order by next_run_at limit $3 for update skip locked";

async fn tick_batch(tx: &Tx, registry: &Registry, known: &[String]) -> Result<Ticked> {
    let rows: Vec<Row> = tx.query(DUE, [tx.now().into(), known.to_vec().into(), BATCH.into()]).await?;
    if rows.is_empty() {
        return Ok(Ticked::default());
    }
    let active = active(tx, &rows).await?;
    let mut plans = Plans::default();
    for row in &rows {
        match readable(row, registry) {
            Ok((spec, kind)) => plans.add(row, &spec, kind, active.get(&row.id).copied().unwrap_or_default(), tx.now()),
            Err(reason) => {
                tracing::error!(schedule = row.name, reason, "the schedule is not valid; it is disabled");
                plans.disable(row, registry, reason, tx.now());
            }
        }
    }
    let due = rows.len();
    let written = plans.write(tx).await?;
    Ok(Ticked { due, written })
}

fn readable(row: &Row, registry: &Registry) -> Result<(Arc<Spec>, jobs::KindInfo), String> {
    let timing: StoredTiming = serde_json::from_value(row.timing.clone()).map_err(|error| error.to_string())?;
    let kind = registry.check(&row.kind, &row.args).map_err(|problem| problem.to_string())?;
    Ok((crate::cache::spec(&timing)?, kind))
}

#[derive(FromQueryResult)]
struct ActiveRow {
    schedule_id: Uuid,
    queued: i64,
    running: i64,
}

async fn active(tx: &Tx, rows: &[Row]) -> Result<HashMap<Uuid, Active>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let active: Vec<ActiveRow> = tx.query(ACTIVE, [ids.into()]).await?;
    Ok(active.into_iter().map(|row| (row.schedule_id, Active { queued: row.queued, running: row.running })).collect())
}

const ACTIVE: &str = "
select schedule_id, count(*) filter (where state = 'queued') as queued, count(*) filter (where state = 'running') as running
from executions
where schedule_id is not null and state in ('queued', 'running') and schedule_id = any($1)
group by schedule_id";

/// What a batch is going to write.
#[derive(Default)]
struct Plans {
    executions: Vec<NewExecution>,
    cancel: Vec<Uuid>,
    ids: Vec<Uuid>,
    next: Vec<DateTime<Utc>>,
    over: Vec<bool>,
    broken: Vec<(Uuid, String)>,
}

impl Plans {
    fn add(&mut self, row: &Row, spec: &Spec, kind: jobs::KindInfo, mut active: Active, now: DateTime<Utc>) {
        let grace = row.misfire_grace_seconds.map(|seconds| TimeDelta::seconds(i64::from(seconds)));
        let policy = Overlap::parse(&row.overlap);
        let fates = due::decide(spec, row.next_run_at, now, (CatchUp::parse(&row.catch_up), grace));
        let last = fates.len().saturating_sub(1);
        for (index, fate) in fates.into_iter().enumerate() {
            let (at, state, late) = match fate {
                Fate::Missed { from, reason, extent } => (from, NewState::Missed(reason, extent), None),
                Fate::Run { at, late } if index < last && !policy.allows_several() => {
                    (at, NewState::Skipped("a later due time of its schedule stands for it".to_owned()), late)
                }
                Fate::Run { at, late } => match overlap::admit(policy, row.max_instances, active) {
                    Ok(()) => (at, NewState::Queued, late),
                    Err(reason) => (at, NewState::Skipped(reason), late),
                },
            };
            if state == NewState::Queued {
                if policy == Overlap::CancelRunning && active != Active::default() {
                    self.cancel.push(row.id);
                }
                active.queued += 1;
            }
            self.executions.push(execution(row, kind, (at, late), state, now));
        }
        self.ids.push(row.id);
        let next = spec.next_after(now);
        self.next.push(next.unwrap_or(now));
        self.over.push(next.is_none());
    }

    /// A schedule that cannot be read is disabled, and its due time leaves a row as well.
    fn disable(&mut self, row: &Row, registry: &Registry, reason: String, now: DateTime<Utc>) {
        if let Some(kind) = registry.info(&row.kind) {
            let missed = NewState::Missed(format!("the schedule is not valid: {reason}"), Value::Null);
            self.executions.push(execution(row, kind, (row.next_run_at, None), missed, now));
        }
        self.broken.push((row.id, reason));
    }

    async fn write(self, tx: &Tx) -> Result<usize> {
        if !self.cancel.is_empty() {
            tx.run(CANCEL_RUNNING, [self.cancel.into(), tx.now().into()]).await?;
        }
        let written = jobs::insert_many(tx, &self.executions).await?.len();
        if !self.ids.is_empty() {
            tx.run(ADVANCE, [self.ids.into(), self.next.into(), self.over.into(), tx.now().into()]).await?;
        }
        for (id, reason) in self.broken {
            tx.run(DISABLE, [id.into(), reason.into(), tx.now().into()]).await?;
        }
        Ok(written)
    }
}

fn execution(
    row: &Row,
    kind: jobs::KindInfo,
    (at, late): (DateTime<Utc>, Option<TimeDelta>),
    state: NewState,
    now: DateTime<Utc>,
) -> NewExecution {
    let caught_up = late.map(|late| format!(", caught up {} s late: no worker ran at its time", late.num_seconds()));
    NewExecution {
        kind: kind.kind,
        queue: kind.queue,
        args: row.args.clone(),
        occurrence: Some((row.id.into(), at)),
        run_at: at.min(now),
        priority: row.priority,
        max_attempts: kind.policy.max_attempts,
        unique_key: None,
        trigger: Trigger::Schedule,
        triggered_by: Some(format!("schedule {}{}", row.name, caught_up.unwrap_or_default())),
        state,
    }
}

const ADVANCE: &str = "
update schedules s
set next_run_at = case when n.over then null else n.next end, last_due_at = $4,
    state = case when n.over then 'completed' else s.state end
from unnest($1::uuid[], $2::timestamptz[], $3::bool[]) as n (id, next, over)
where s.id = n.id";

const DISABLE: &str = "
update schedules set state = 'disabled', state_reason = $2, next_run_at = null, updated_at = $3 where id = $1";

/// Waiting ones end at once; running ones are asked, which their lease's renewal brings to them. One that is just being
/// committed is left alone.
const CANCEL_RUNNING: &str = "
with others as (
    select id from executions
    where schedule_id is not null and schedule_id = any($1) and state in ('queued', 'running')
    order by id for update skip locked
)
update executions e
set cancel_requested_at = $2,
    state = case state when 'queued' then 'cancelled' else state end,
    finished_at = case state when 'queued' then $2 end,
    message = case state when 'queued' then 'a later run of its schedule was due' else message end
from others where e.id = others.id";
