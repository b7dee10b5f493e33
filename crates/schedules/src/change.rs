//! Changing a schedule: under its row's lock, after what was due before the change has become executions.
//!
//! So a change takes effect at once and never retroactively, and no due time is lost between the old and the new.

use chrono::{DateTime, TimeDelta, Utc};
use jobs::Registry;
use kernel::{Problem, Result, ScheduleId, kinds};
use serde_json::{Value, json};
use store::{Sql, Tx};
use uuid::Uuid;

use crate::{
    plan::Waiting,
    read::{self, ScheduleRow},
    row::{Due, due_columns},
    spans,
    tick::write_due,
};

/// A schedule that is locked until the end of the transaction, with nothing due any more.
pub(crate) struct Held {
    /// Its row.
    pub row: ScheduleRow,
    /// From when on a change counts: due times up to this instant are dealt with.
    pub now: DateTime<Utc>,
}

/// Locks a schedule and deals with what it was due for.
///
/// # Errors
/// `not-found`; `unavailable` when Postgres is away.
pub(crate) async fn hold(tx: &Tx, registry: &Registry, id: ScheduleId) -> Result<Held> {
    let due = lock(tx, id.0).await?.ok_or_else(|| not_found(id))?;
    if due.is_due(tx.now()) {
        write_due(tx, registry, std::slice::from_ref(&due), Waiting::Ends).await?;
    }
    let row = read::find(tx, id.0).await?.ok_or_else(|| not_found(id))?;
    Ok(Held::since(tx, row))
}

/// [`hold`] for many, in the order of their ids; those that do not exist are left out.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn hold_many(tx: &Tx, registry: &Registry, ids: &[Uuid]) -> Result<Vec<Held>> {
    let mut locked = lock_many(tx, ids).await?;
    let ids: Vec<Uuid> = locked.iter().map(|due| due.id).collect();
    locked.retain(|due| due.is_due(tx.now()));
    if !locked.is_empty() {
        write_due(tx, registry, &locked, Waiting::Ends).await?;
    }
    let rows = read::find_many(tx, &ids).await?;
    Ok(rows.into_iter().map(|row| Held::since(tx, row)).collect())
}

/// [`lock`] for many, in the order of their ids, so that two who lock the same ones do not wait for each other.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn lock_many(tx: &Tx, ids: &[Uuid]) -> Result<Vec<Due>> {
    tx.query(LOCK_MANY, [ids.to_vec().into()]).await
}

const LOCK_MANY: &str = concat!(
    "select ",
    due_columns!(),
    " from schedules s where s.id = any($1) and s.deleted_at is null order by s.id for update of s"
);

/// The row as planning needs it, locked; nothing when it does not exist or is deleted.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn lock(tx: &Tx, id: Uuid) -> Result<Option<Due>> {
    tx.query_opt(LOCK, [id.into()]).await
}

const LOCK: &str =
    concat!("select ", due_columns!(), " from schedules s where s.id = $1 and s.deleted_at is null for update of s");

pub(crate) fn not_found(id: ScheduleId) -> Problem {
    Problem::new(&kinds::NOT_FOUND).detail(format!("there is no schedule {id}"))
}

/// Another state of a schedule.
pub(crate) struct Transition<'a> {
    pub state: &'static str,
    pub reason: Option<&'a str>,
    pub next_run_at: Option<DateTime<Utc>>,
    /// The identity of who changes it.
    pub by: &'a str,
}

impl Held {
    fn since(tx: &Tx, row: ScheduleRow) -> Self {
        // A process whose clock runs ahead may have dealt with due times that are still to come here.
        let now = row.last_due_at.map_or(tx.now(), |handled| handled.max(tx.now()));
        Self { row, now }
    }

    /// Moves the schedule to another state, from now on.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn transition(&self, tx: &Tx, to: Transition<'_>) -> Result<()> {
        transition_many(tx, &[(self, to)]).await
    }

    /// The first due time that counts after the change. A single run at this very instant counts as well.
    ///
    /// # Errors
    /// In plain words, what of the timing cannot be read.
    pub fn next_run(&self) -> Result<Option<DateTime<Utc>>, String> {
        let timing = self.row.stored_timing()?;
        Ok(crate::cache::spec(&timing)?.next_after(self.now))
    }
}

/// Moves each schedule to another state, from now on.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn transition_many(tx: &Tx, moves: &[(&Held, Transition<'_>)]) -> Result<()> {
    let (ids, ends) = moves.iter().map(|(held, _)| (held.row.id, held.now)).unzip();
    spans::close(tx, ids, ends).await?;
    let states = moves.iter().map(|(held, to)| {
        let Transition { state, reason, next_run_at, by } = to;
        json!({ "id": held.row.id, "state": state, "reason": reason, "next_run_at": next_run_at, "by": by })
    });
    tx.run(TRANSITION, [Value::Array(states.collect()).into(), tx.now().into()]).await?;
    Ok(())
}

const TRANSITION: &str = "
update schedules s
set state = n.state, state_reason = n.reason, next_run_at = n.next_run_at, updated_by = n.by, updated_at = $2,
    version = s.version + 1
from jsonb_to_recordset($1) as n (id uuid, state text, reason text, next_run_at timestamptz, by text)
where s.id = n.id";

/// The last instant before `now` that a row can hold.
pub(crate) fn just_before(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::microseconds(1)
}
