//! The relay: pushes the tickets that nobody pushed, or that got lost.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Result;
use store::{Db, Floor};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    enqueue::LOOKAHEAD,
    job::Queue,
    metrics, tasks,
    wire::{Ticket, Wire, undispatch},
};

/// The safety poll: one cheap statement for Postgres, a handful for Redis.
const POLL: Duration = Duration::from_secs(1);
/// Executions per statement.
const BATCH: i64 = 1000;
/// A ticket that was due this long ago and has not led to a claim is lost, if its queue is not busy …
const STALE: TimeDelta = TimeDelta::seconds(5);
/// … and in a busy one after this long, and then after half of its age each time: a backlog is not pushed over and over.
const STALE_WHEN_BUSY: TimeDelta = TimeDelta::seconds(60);
/// How often a busy queue is searched for lost tickets: each search reads its backlog.
const BUSY_SEARCH: Duration = Duration::from_secs(10);
/// A queue with more waiting tickets than this is busy.
const BUSY: u64 = 50;
/// What was to have a ticket longer ago than this has one, once a search has found no more.
const SETTLED: TimeDelta = TimeDelta::seconds(5);

/// What a relay remembers from poll to poll.
#[derive(Default)]
struct Memory {
    epoch: Option<Uuid>,
    searched: Option<Instant>,
    /// Of what is queued: `run_at` where there is no ticket, `dispatched_at` where there is one.
    floor: Floor,
}

/// Pushes what is due and has no ticket, once a second, until `stop`. Many relays share the work: each claims its rows.
pub(crate) async fn relay_forever((db, floor): (Db, Floor), wire: Wire, stop: CancellationToken) {
    let mut memory = Memory { floor, ..Memory::default() };
    while !stop.is_cancelled() {
        match relay(&db, &wire, &mut memory).await {
            Ok(count) if count >= BATCH as usize => continue,
            Ok(_) => {}
            Err(problem) => tasks::report("relay", &problem),
        }
        let _ = stop.run_until_cancelled(tokio::time::sleep(POLL)).await;
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    queue: String,
    run_at: DateTime<Utc>,
    priority: i16,
    had_ticket: bool,
}

async fn relay(db: &Db, wire: &Wire, memory: &mut Memory) -> Result<usize> {
    let now = db.clock().now();
    let present = wire.epoch().await?; // with Redis away there is nothing to push to
    if memory.epoch.is_some_and(|known| known != present) {
        tracing::warn!("Redis lost its data; pushing every ticket again");
        forget_dispatches(db, now).await?;
        memory.floor.reset();
    }
    memory.epoch = Some(present);
    let search_busy = memory.searched.is_none_or(|at| at.elapsed() >= BUSY_SEARCH);
    let (mut calm, mut busy) = (Vec::new(), Vec::new());
    for queue in Queue::ALL {
        let names = if wire.waiting(queue).await? > BUSY { &mut busy } else { &mut calm };
        names.push(queue.name().to_owned());
    }
    let search = async |from| dispatch(db, (from, now), (DISPATCH, &calm, STALE)).await;
    let rise =
        async |from, rows: &Vec<Row>| oldest(db, from).await.map_or(from, |oldest| oldest.min(settled(rows, now)));
    let mut rows = memory.floor.search(search, rise).await?;
    if search_busy && !busy.is_empty() {
        memory.searched = Some(Instant::now());
        rows.extend(dispatch(db, (memory.floor.at(), now), (DISPATCH_BUSY, &busy, STALE_WHEN_BUSY)).await?);
    }
    push(db, wire, &rows, now).await?;
    Ok(rows.len())
}

async fn dispatch(
    db: &Db,
    (from, now): (DateTime<Utc>, DateTime<Utc>),
    (sql, queues, stale): (&'static str, &[String], TimeDelta),
) -> Result<Vec<Row>> {
    let query =
        sqlx::query_as(sql).bind(now).bind(now + LOOKAHEAD).bind(now - stale).bind(queues).bind(BATCH).bind(from);
    tasks::bounded(query.fetch_all(db.pool())).await
}

/// Below this nothing is without a ticket, after a search that found `rows`.
fn settled(rows: &[Row], now: DateTime<Utc>) -> DateTime<Utc> {
    let without = rows.iter().filter(|row| !row.had_ticket);
    let last = (rows.len() >= BATCH as usize).then(|| without.map(|row| row.run_at).max()).flatten();
    last.unwrap_or(now).min(now - SETTLED)
}

/// From when the oldest ticket is whose execution waits.
async fn oldest(db: &Db, from: DateTime<Utc>) -> Result<DateTime<Utc>> {
    let oldest = sqlx::query_scalar(OLDEST).bind(from);
    let oldest: Option<DateTime<Utc>> = tasks::bounded(oldest.fetch_one(db.pool())).await?;
    Ok(oldest.unwrap_or(DateTime::<Utc>::MAX_UTC))
}

const OLDEST: &str = "
select min(dispatched_at) from executions where state = 'queued' and dispatched_at is not null and dispatched_at >= $1";

/// Claims by writing `dispatched_at`: the instant the ticket is due, from which its staleness counts.
const DISPATCH: &str = "
with without as (
    select id from executions
    where state = 'queued' and dispatched_at is null and run_at >= $6 and run_at < $2
    order by run_at limit $5 for update skip locked
), stale as (
    select id from executions
    where state = 'queued' and dispatched_at is not null and dispatched_at >= $6 and dispatched_at < $3 and queue = any($4)
    order by dispatched_at limit $5 for update skip locked
)
update executions e set dispatched_at = greatest(e.run_at, $1)
from (select id, false as had_ticket from without union all select id, true from stale) lost
where e.id = lost.id
returning e.id, e.queue, e.run_at, e.priority, lost.had_ticket";

const DISPATCH_BUSY: &str = "
with stale as (
    select id from executions
    where state = 'queued' and dispatched_at is not null and dispatched_at >= $6 and dispatched_at < $3 and queue = any($4)
      and dispatched_at < $1 - ($1 - run_at) / 2 and run_at < $2
    order by dispatched_at limit $5 for update skip locked
)
update executions e set dispatched_at = greatest(e.run_at, $1)
from stale where e.id = stale.id
returning e.id, e.queue, e.run_at, e.priority, true as had_ticket";

async fn push(db: &Db, wire: &Wire, rows: &[Row], now: DateTime<Utc>) -> Result<()> {
    let mut by_queue: BTreeMap<Queue, Vec<Ticket>> = BTreeMap::new();
    for row in rows {
        let Some(queue) = Queue::parse(&row.queue) else {
            continue;
        };
        let ticket = Ticket { queue, id: row.id, due: row.run_at, priority: row.priority };
        by_queue.entry(queue).or_default().push(ticket);
    }
    let overdue = rows.iter().map(|row| now - row.run_at).max().and_then(|lag| lag.to_std().ok());
    metrics::relay_lag(overdue.unwrap_or_default());
    metrics::redispatched(rows.len());
    while let Some((queue, mut tickets)) = by_queue.pop_first() {
        tickets.sort_by_key(|ticket| (std::cmp::Reverse(ticket.priority), ticket.due));
        if let Err(problem) = wire.push(queue, now, &tickets).await {
            let left = tickets.iter().chain(by_queue.values().flatten());
            let ids: Vec<Uuid> = left.map(|ticket| ticket.id).collect();
            undispatch(db, ids).await?;
            return Err(problem);
        }
    }
    Ok(())
}

async fn forget_dispatches(db: &Db, now: DateTime<Utc>) -> Result<()> {
    loop {
        let forgotten = sqlx::query(FORGET).bind(now).bind(BATCH).execute(db.pool()).await?.rows_affected();
        if forgotten < BATCH as u64 {
            return Ok(());
        }
    }
}

/// Rows created since then have their ticket in the new Redis already; another relay may be at it too.
const FORGET: &str = "
update executions set dispatched_at = null
where id in (select id from executions
             where state = 'queued' and dispatched_at is not null and created_at <= $1
             order by dispatched_at limit $2 for update skip locked)";
