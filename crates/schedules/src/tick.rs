//! The tick: turns due schedules into executions. The only place that does so by itself.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use jobs::Registry;
use kernel::Result;
use sea_orm::FromQueryResult;
use store::{Db, Floor, Sql, Tx};
use uuid::Uuid;

use crate::{
    overlap::Active,
    plan::{Plans, Waiting, readable},
    react::react,
    row::{Due, due_columns},
};

/// Schedules per transaction.
const BATCH: i64 = 500;
/// Transactions at the same time, when there is more than one has room for: while Postgres works for one of them, this process
/// plans another.
const AT_ONCE: usize = 4;
/// The most rounds of transactions of one tick; the next tick goes on.
const MOST_ROUNDS: usize = 50;
/// What was due longer ago than this has been dealt with, once a look has found none that is.
const SETTLED: TimeDelta = TimeDelta::seconds(5);

/// What one tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Schedules that were due.
    pub due: usize,
    /// Executions that were written, whatever their state.
    pub written: usize,
    /// Executions that had ended, and from which something followed.
    pub ended: usize,
}

/// Claims what is due and writes its executions; then does what follows from those that have ended. Any number of
/// processes may tick at the same time: each due time is claimed by one of them, and an occurrence cannot be written twice.
/// `floor` is that of due times: each metronome keeps one.
///
/// # Errors
/// `unavailable` when Postgres is away; then nothing of the batch at hand was written.
pub async fn tick(db: &Db, registry: &Registry, floor: &Floor) -> Result<Ticked> {
    let mut total = Ticked::default();
    // Most seconds there is nothing to do: then one statement says so, and no transaction is begun.
    let (now, known) = (db.clock().now(), registry.names());
    let search = async |from: DateTime<Utc>| {
        let look = db.conn().query_opt(LOOK, [now.into(), known.clone().into(), from.into()]).await?;
        Ok((from, look.unwrap_or_default()))
    };
    let rise = async |_, (_, look): &(_, Look)| look.oldest.unwrap_or(now).min(now - SETTLED);
    let (from, look) = floor.search(search, rise).await?;
    let mut at_once = 1;
    for _ in 0..if look.oldest.is_some() { MOST_ROUNDS } else { 0 } {
        let batches = (0..at_once).map(|_| db.tx(async |tx| tick_batch(&tx, registry, (from, &known)).await));
        let mut more = true;
        for batch in join_all(batches).await {
            let batch = batch?;
            total.due += batch.due;
            total.written += batch.written;
            more &= batch.due == BATCH as usize;
        }
        if !more {
            break;
        }
        at_once = AT_ONCE;
    }
    if look.ended || total.written > 0 {
        total.ended = react(db, registry).await?;
    }
    Ok(total)
}

#[derive(Default, FromQueryResult)]
struct Look {
    /// The earliest due time that nobody has dealt with.
    oldest: Option<DateTime<Utc>>,
    ended: bool,
}

/// Kinds that this code does not know are left to a process that does: during a deploy an older worker ticks too.
const LOOK: &str = "
select (select next_run_at from schedules where state = 'active' and next_run_at between $3 and $1 and kind = any($2)
        order by next_run_at limit 1) as oldest,
       exists (select 1 from schedule_events) as ended";

const DUE: &str = concat!(
    "select ",
    due_columns!(),
    " from schedules s where s.state = 'active' and s.next_run_at between $4 and $1 and s.kind = any($2)
      order by s.next_run_at limit $3 for update of s skip locked"
);

async fn tick_batch(tx: &Tx, registry: &Registry, (from, known): (DateTime<Utc>, &[String])) -> Result<Ticked> {
    let rows: Vec<Due> = tx.query(DUE, [tx.now().into(), known.to_vec().into(), BATCH.into(), from.into()]).await?;
    if rows.is_empty() {
        return Ok(Ticked::default());
    }
    let written = write_due(tx, registry, &rows, Waiting::GoesOn).await?;
    Ok(Ticked { due: rows.len(), written, ended: 0 })
}

/// Writes what `rows`, which are locked and due, leave up to now. Returns how many executions are new.
pub(crate) async fn write_due(tx: &Tx, registry: &Registry, rows: &[Due], waiting: Waiting) -> Result<usize> {
    let now = tx.now();
    let active = active(tx, rows.iter().map(|row| row.id).collect()).await?;
    let mut plans = Plans::default();
    for row in rows {
        match readable(row, registry) {
            Ok((spec, kind)) => {
                plans.due(row, (&spec, kind), active.get(&row.id).copied().unwrap_or_default(), (now, waiting));
            }
            Err(reason) => {
                tracing::error!(schedule = row.name, reason, "the schedule is not valid; it is disabled");
                plans.disable(row, registry, (reason, now));
            }
        }
    }
    plans.write(tx).await
}

#[derive(FromQueryResult)]
struct ActiveRow {
    schedule_id: Uuid,
    queued: i64,
    running: i64,
}

/// What of each schedule waits and runs.
pub(crate) async fn active(tx: &Tx, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Active>> {
    let active: Vec<ActiveRow> = tx.query(ACTIVE, [ids.into()]).await?;
    Ok(active.into_iter().map(|row| (row.schedule_id, Active { queued: row.queued, running: row.running })).collect())
}

const ACTIVE: &str = "
select schedule_id, count(*) filter (where state = 'queued') as queued, count(*) filter (where state = 'running') as running
from executions
where schedule_id is not null and state in ('queued', 'running') and schedule_id = any($1)
group by schedule_id";
