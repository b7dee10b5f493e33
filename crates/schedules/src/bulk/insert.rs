//! Writing many new schedules in a constant number of statements.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use kernel::{Problem, Result};
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use store::{Sql, Tx};
use uuid::Uuid;

use crate::draft::{By, Draft};

/// A schedule that is about to be written.
pub(super) struct New<'a> {
    /// Its place in the request.
    pub index: usize,
    pub id: Uuid,
    pub draft: &'a Draft,
}

/// Writes them; returns the ids of those that are new: the names of the others are taken.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn insert(tx: &Tx, new: &[New<'_>], by: &By) -> Result<HashSet<Uuid>> {
    let rows = new.iter().map(|new| row(new, tx.now())).collect::<Result<Vec<_>>>()?;
    let values = [
        Value::Array(rows).into(),
        by.identity.as_str().into(),
        by.label.clone().into(),
        by.owner.into(),
        tx.now().into(),
    ];
    let written: Vec<Id> = tx.query(INSERT, values).await?;
    let written: HashSet<Uuid> = written.into_iter().map(|row| row.id).collect();
    depend(tx, new, &written).await?;
    Ok(written)
}

#[derive(FromQueryResult)]
struct Id {
    id: Uuid,
}

/// A row as the statement reads it. Taken apart, so that no member of a draft can be forgotten.
fn row(new: &New<'_>, now: DateTime<Utc>) -> Result<Value> {
    let next = new.draft.first_run(now).map_err(Problem::internal)?;
    let Draft {
        name,
        description,
        schedule_type,
        kind,
        args,
        templated,
        timing,
        given,
        tags,
        priority,
        catch_up,
        overlap,
        max_instances,
        misfire_grace_seconds,
        max_runs,
        jitter_seconds,
        max_attempts,
        retry_delay_seconds,
        timeout_seconds,
        pause_on_failure,
        join_mode,
        after: _,
        calendar_id,
        exclude_calendar_id,
    } = new.draft;
    let over = next.is_none() && *schedule_type != "dependent";
    Ok(json!({
        "id": new.id, "name": name, "description": description, "schedule_type": schedule_type, "kind": kind, "args": args,
        "templated": templated, "timing": timing, "given": given, "tags": tags, "priority": priority, "catch_up": catch_up,
        "overlap": overlap, "max_instances": max_instances, "misfire_grace_seconds": misfire_grace_seconds,
        "max_runs": max_runs, "jitter_seconds": jitter_seconds, "max_attempts": max_attempts,
        "retry_delay_seconds": retry_delay_seconds, "timeout_seconds": timeout_seconds,
        "pause_on_failure": pause_on_failure, "join_mode": join_mode, "calendar_id": calendar_id,
        "exclude_calendar_id": exclude_calendar_id,
        "state": if over { "completed" } else { "active" }, "next_run_at": next, "since": new.draft.counts_from(now),
    }))
}

/// Names that are taken, by another schedule or by an earlier one of these, are left out.
const INSERT: &str = "
insert into schedules (id, name, description, schedule_type, kind, args, templated, timing, given, tags, priority, catch_up,
                       overlap, max_instances, misfire_grace_seconds, max_runs, jitter_seconds, max_attempts,
                       retry_delay_seconds, timeout_seconds, pause_on_failure, join_mode, calendar_id, exclude_calendar_id,
                       origin, state, next_run_at, since, created_by, created_by_label, owner_id, updated_by, created_at, updated_at)
select n.id, n.name, n.description, n.schedule_type, n.kind, n.args, n.templated, n.timing, n.given, n.tags, n.priority,
       n.catch_up, n.overlap, n.max_instances, n.misfire_grace_seconds, n.max_runs, n.jitter_seconds, n.max_attempts,
       n.retry_delay_seconds, n.timeout_seconds, n.pause_on_failure, n.join_mode, n.calendar_id, n.exclude_calendar_id,
       'api', n.state, n.next_run_at, n.since, $2, $3, $4, $2, $5, $5
from jsonb_to_recordset($1) as n (
    id uuid, name text, description text, schedule_type text, kind text, args jsonb, templated bool, timing jsonb, given jsonb,
    tags text[], priority int2, catch_up text, overlap text, max_instances int4, misfire_grace_seconds int4, max_runs int4,
    jitter_seconds int4, max_attempts int4, retry_delay_seconds int4, timeout_seconds int4, pause_on_failure bool,
    join_mode text, calendar_id uuid, exclude_calendar_id uuid, state text, next_run_at timestamptz, since timestamptz)
on conflict (created_by, name) where origin = 'api' and deleted_at is null do nothing
returning id";

/// Writes what they run after. Nothing can wait for a schedule that is new: there is no circle to look for.
async fn depend(tx: &Tx, new: &[New<'_>], written: &HashSet<Uuid>) -> Result<()> {
    let written = new.iter().filter(|new| written.contains(&new.id));
    let rows = written.flat_map(|new| {
        new.draft
            .after
            .iter()
            .map(|after| json!({ "schedule_id": new.id, "after_id": after.schedule_id, "condition": after.condition }))
    });
    let rows: Vec<Value> = rows.collect();
    if !rows.is_empty() {
        tx.run(DEPEND, [Value::Array(rows).into()]).await?;
    }
    Ok(())
}

const DEPEND: &str = "
insert into schedule_dependencies (schedule_id, after_id, condition)
select schedule_id, after_id, condition
from jsonb_to_recordset($1) as n (schedule_id uuid, after_id uuid, condition text)";

/// Which of `ids` are schedules that others may run after. They stay until the end of the transaction.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn existing(tx: &Tx, ids: Vec<Uuid>) -> Result<HashSet<Uuid>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<Id> = tx.query(EXISTING, [ids.into()]).await?;
    Ok(found.into_iter().map(|row| row.id).collect())
}

const EXISTING: &str = "select id from schedules where id = any($1) and deleted_at is null order by id for share";

/// Which of `names` the creator has given to a schedule.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn taken(tx: &Tx, by: &By, names: Vec<String>) -> Result<HashSet<String>> {
    #[derive(FromQueryResult)]
    struct Name {
        name: String,
    }
    let found: Vec<Name> = tx.query(TAKEN, [by.identity.as_str().into(), names.into()]).await?;
    Ok(found.into_iter().map(|row| row.name).collect())
}

const TAKEN: &str = "
select name from schedules where created_by = $1 and origin = 'api' and deleted_at is null and name = any($2)";
