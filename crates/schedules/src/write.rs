//! Writing schedules: creating, changing, pausing, deleting and running them, in the caller's transaction.

use chrono::{DateTime, Utc};
use jobs::{Correlation, Registry, Trigger};
use kernel::{ExecutionId, Problem, Result, ScheduleId};
use sea_orm::Value as Param;
use serde_json::Value;
use store::{Sql, Tx, on_constraint};
use uuid::Uuid;

use crate::{
    change::{Held, Transition, hold, lock, not_found, transition_many},
    draft::{By, Draft},
    plan::{Cause, Plans, Waiting, readable},
    problems,
    read::{self, ScheduleRow},
    spans,
    tick::{active, write_due},
};

/// Creates a schedule. One that is due at once leaves its execution in the same transaction.
///
/// # Errors
/// `schedule-name-taken`; `schedule-quota`; `schedule-cycle`; `validation-failed` naming `/after`.
pub(crate) async fn create(
    tx: &Tx,
    registry: &Registry,
    draft: &Draft,
    (by, quota): (&By, u32),
) -> Result<ScheduleRow> {
    admit(tx, by, quota).await?;
    let id = Uuid::now_v7();
    let next = draft.first_run(tx.now()).map_err(Problem::internal)?;
    let mut values = columns(id, draft)?;
    let state = if next.is_none() && draft.schedule_type != "dependent" { "completed" } else { "active" };
    values.extend([
        state.into(),
        next.into(),
        draft.counts_from(tx.now()).into(),
        by.identity.as_str().into(),
        by.label.clone().into(),
        by.owner.into(),
        tx.now().into(),
    ]);
    tx.run(INSERT, values).await.map_err(name_taken(&draft.name))?;
    depend(tx, id, draft).await?;
    if next.is_some_and(|next| next <= tx.now()) {
        let due = lock(tx, id).await?.ok_or_else(|| not_found(id.into()))?;
        write_due(tx, registry, std::slice::from_ref(&due), Waiting::Ends).await?;
    }
    read::find(tx, id).await?.ok_or_else(|| not_found(id.into()))
}

/// Makes `held` what `draft` says, from now on. One that was over or disabled counts again if it has due times.
///
/// # Errors
/// As [`create`], but for the quota.
pub(crate) async fn replace(tx: &Tx, held: &Held, draft: &Draft, by: &By) -> Result<ScheduleRow> {
    let id = held.row.id;
    // What was dealt with at this very instant is not due again.
    let handled = held.row.last_due_at.unwrap_or(DateTime::<Utc>::MIN_UTC);
    let from = draft.counts_from(held.now).max(handled);
    spans::close(tx, vec![id], vec![from]).await?;
    let next = draft.next_after(from).map_err(Problem::internal)?;
    let spent = draft.max_runs.is_some_and(|most| held.row.run_count >= i64::from(most));
    let (state, reason) = match held.row.state.as_str() {
        "paused" => ("paused", held.row.state_reason.clone()),
        _ if spent => ("completed", None),
        _ if next.is_some() || draft.schedule_type == "dependent" => ("active", None),
        "failed" => ("failed", held.row.state_reason.clone()),
        _ => ("completed", None),
    };
    let mut values = columns(id, draft)?;
    values.extend([
        state.into(),
        next.filter(|_| state == "active").into(),
        reason.into(),
        by.identity.as_str().into(),
        tx.now().into(),
    ]);
    tx.run(REPLACE, values).await.map_err(name_taken(&draft.name))?;
    depend(tx, id, draft).await?;
    read::find(tx, id).await?.ok_or_else(|| not_found(id.into()))
}

/// Pauses: due times until it is resumed are skipped, with this reason.
///
/// # Errors
/// `schedule-state` when it is over, disabled or paused already.
pub(crate) async fn pause(tx: &Tx, held: &Held, by: (&str, &str)) -> Result<()> {
    held.transition(tx, paused(held, by)?).await
}

/// What pausing makes of it.
///
/// # Errors
/// As [`pause`].
pub(crate) fn paused<'a>(held: &Held, (reason, by): (&'a str, &'a str)) -> Result<Transition<'a>> {
    if held.row.state != "active" {
        return Err(problems::state(&held.row.state, "be paused"));
    }
    Ok(Transition { state: "paused", reason: Some(reason), next_run_at: None, by })
}

/// Resumes, with the next due time after now: what was due while it was paused stays skipped.
///
/// # Errors
/// `schedule-state` when it is not paused, or not valid.
pub(crate) async fn resume(tx: &Tx, held: &Held, by: &str) -> Result<()> {
    held.transition(tx, resumed(held, by)?).await
}

/// What resuming makes of it.
///
/// # Errors
/// As [`resume`].
pub(crate) fn resumed<'a>(held: &Held, by: &'a str) -> Result<Transition<'a>> {
    if held.row.state != "paused" {
        return Err(problems::state(&held.row.state, "be resumed"));
    }
    let next = held.next_run().map_err(|reason| problems::state("not valid", "be resumed").with("reason", reason))?;
    let over = next.is_none() && held.row.schedule_type != "dependent";
    let state = if over { "completed" } else { "active" };
    Ok(Transition { state, reason: None, next_run_at: next, by })
}

/// Deletes: its name becomes free, its history stays, what waits of it is cancelled.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn delete(tx: &Tx, held: &Held, by: &str) -> Result<()> {
    delete_many(tx, &[held], ("deleted", by)).await
}

/// [`delete`] for many, with what is to stand as their reason.
///
/// # Errors
/// As [`delete`].
pub(crate) async fn delete_many(tx: &Tx, held: &[&Held], (reason, by): (&str, &str)) -> Result<()> {
    let gone = || Transition { state: "disabled", reason: Some(reason), next_run_at: None, by };
    transition_many(tx, &held.iter().map(|held| (*held, gone())).collect::<Vec<_>>()).await?;
    let ids: Vec<Uuid> = held.iter().map(|held| held.row.id).collect();
    tx.run(DELETED, [ids.clone().into(), tx.now().into()]).await?;
    tx.run("delete from schedule_dependencies where schedule_id = any($1) or after_id = any($1)", [ids.clone().into()])
        .await?;
    tx.run(CANCEL_WAITING, [ids.into(), tx.now().into()]).await?;
    Ok(())
}

/// Runs a schedule now, because somebody asks for it. The overlap rule counts as for a due time, and so does the lock of an
/// exclusive job.
///
/// # Errors
/// `not-found`; `schedule-busy` when the overlap rule or the lock does not admit it; `schedule-state` when it is not valid.
pub(crate) async fn trigger(
    tx: &Tx,
    registry: &Registry,
    id: ScheduleId,
    (args, by): (Option<Value>, String),
) -> Result<ExecutionId> {
    let row = lock(tx, id.0).await?.ok_or_else(|| not_found(id))?;
    let (_, kind) =
        readable(&row, registry).map_err(|reason| problems::state("not valid", "run").with("reason", reason))?;
    let exclusive = kind.policy.overlap == jobs::Overlap::Exclusive;
    if exclusive && tx.scalar::<i32, _>(RUNNING, [kind.kind.into()]).await?.is_some() {
        return Err(problems::busy(BUSY_ELSEWHERE));
    }
    let active = active(tx, vec![id.0]).await?.get(&id.0).copied().unwrap_or_default();
    let mut plans = Plans::default();
    let execution = plans.once(&row, kind, (active, by_hand(args, by)), tx.now()).map_err(problems::busy)?;
    plans.write(tx).await?;
    Ok(execution)
}

/// The cause of a run that somebody asked for, with other arguments than the schedule's if they are given.
pub(crate) fn by_hand(args: Option<Value>, by: String) -> Cause {
    Cause {
        trigger: Trigger::Manual,
        triggered_by: by,
        correlation: Correlation::Current,
        round: None,
        args,
        scheduled_for: None,
    }
}

/// Why an exclusive job is refused.
pub(crate) const BUSY_ELSEWHERE: &str = "a run of its job is not over, and it never runs twice at a time";

const RUNNING: &str = "select 1 from executions where state = 'running' and kind = $1 limit 1";

/// The creator's quota, exact.
async fn admit(tx: &Tx, by: &By, quota: u32) -> Result<()> {
    if room(tx, by, quota).await? > 0 { Ok(()) } else { Err(problems::quota(quota.into())) }
}

/// How many more schedules the creator may have: creations of one creator wait for each other, until the end of the
/// transaction. What is over does not count.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn room(tx: &Tx, by: &By, quota: u32) -> Result<i64> {
    tx.run("select pg_advisory_xact_lock(hashtextextended('schedules.of.' || $1, 0))", [by.identity.as_str().into()])
        .await?;
    let quota = i64::from(quota);
    let count: Option<i64> = tx.scalar(COUNT, [by.identity.as_str().into(), quota.into()]).await?;
    Ok((quota - count.unwrap_or_default()).max(0))
}

const COUNT: &str = "
select count(*) from (select 1 from schedules
                      where created_by = $1 and origin = 'api' and deleted_at is null and state not in ('completed', 'failed')
                      limit $2) own";

fn name_taken(name: &str) -> impl Fn(Problem) -> Problem {
    let on_name = on_constraint("schedules_name", &problems::NAME_TAKEN);
    move |problem| match on_name(problem) {
        problem if problem.is(&problems::NAME_TAKEN) => problem.field("/name", format!("you have a schedule {name}")),
        problem => problem,
    }
}

/// Writes what a schedule runs after.
async fn depend(tx: &Tx, id: Uuid, draft: &Draft) -> Result<()> {
    tx.run("delete from schedule_dependencies where schedule_id = $1", [id.into()]).await?;
    if draft.after.is_empty() {
        return Ok(());
    }
    // Two that are made to depend on each other at the same time must see each other.
    tx.run("select pg_advisory_xact_lock(hashtext('schedules.depend'))", []).await?;
    for (at, after) in draft.after.iter().enumerate() {
        let pointer = format!("/after/{at}/schedule_id");
        let values = [id.into(), after.schedule_id.into(), after.condition.into()];
        if tx.run(DEPEND, values).await? == 0 {
            return Err(problems::invalid(&pointer, "is not the id of a schedule, or stands there twice"));
        }
        if tx.scalar::<i32, _>(CYCLE, [id.into()]).await?.is_some() {
            return Err(Problem::new(&problems::CYCLE).field(pointer, "runs, in the end, after this schedule itself"));
        }
    }
    Ok(())
}

const DEPEND: &str = "
insert into schedule_dependencies (schedule_id, after_id, condition)
select $1, id, $3 from (select id from schedules where id = $2 and deleted_at is null for share) as other
on conflict do nothing";

const CYCLE: &str = "
with recursive before (id) as (
    select after_id from schedule_dependencies where schedule_id = $1
    union
    select d.after_id from schedule_dependencies d join before on d.schedule_id = before.id
)
select 1 from before where id = $1";

/// The columns that a draft fills, in the order of [`INSERT`] and [`REPLACE`].
fn columns(id: Uuid, draft: &Draft) -> Result<Vec<Param>> {
    Ok(vec![
        id.into(),
        draft.name.as_str().into(),
        draft.description.as_str().into(),
        draft.schedule_type.into(),
        draft.kind.as_str().into(),
        draft.args.clone().into(),
        draft.templated.into(),
        serde_json::to_value(&draft.timing)?.into(),
        draft.given.clone().into(),
        draft.tags.clone().into(),
        draft.priority.into(),
        draft.catch_up.into(),
        draft.overlap.into(),
        draft.max_instances.into(),
        draft.misfire_grace_seconds.into(),
        draft.max_runs.into(),
        draft.jitter_seconds.into(),
        draft.max_attempts.into(),
        draft.retry_delay_seconds.into(),
        draft.timeout_seconds.into(),
        draft.pause_on_failure.into(),
        draft.join_mode.into(),
        draft.calendar_id.into(),
        draft.exclude_calendar_id.into(),
    ])
}

const INSERT: &str = "
insert into schedules (id, name, description, schedule_type, kind, args, templated, timing, given, tags, priority, catch_up,
                       overlap, max_instances, misfire_grace_seconds, max_runs, jitter_seconds, max_attempts,
                       retry_delay_seconds, timeout_seconds, pause_on_failure, join_mode, calendar_id, exclude_calendar_id,
                       origin, state, next_run_at, since, created_by, created_by_label, owner_id, updated_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
        'api', $25, $26, $27, $28, $29, $30, $28, $31, $31)";

const REPLACE: &str = "
update schedules
set name = $2, description = $3, schedule_type = $4, kind = $5, args = $6, templated = $7, timing = $8, given = $9, tags = $10,
    priority = $11, catch_up = $12, overlap = $13, max_instances = $14, misfire_grace_seconds = $15, max_runs = $16,
    jitter_seconds = $17, max_attempts = $18, retry_delay_seconds = $19, timeout_seconds = $20, pause_on_failure = $21,
    join_mode = $22, calendar_id = $23, exclude_calendar_id = $24, state = $25, next_run_at = $26, state_reason = $27,
    updated_by = $28, updated_at = $29, version = version + 1
where id = $1";

const DELETED: &str = "update schedules set deleted_at = $2 where id = any($1)";

const CANCEL_WAITING: &str = "
update executions set state = 'cancelled', finished_at = $2, cancel_requested_at = $2, message = 'its schedule was deleted'
where schedule_id is not null and schedule_id = any($1) and state = 'queued'";

/// Locks a schedule for a change: see [`hold`].
pub(crate) async fn held(tx: &Tx, registry: &Registry, id: Uuid) -> Result<Held> {
    hold(tx, registry, id.into()).await
}

/// Gives the webhook's secret a new version; the one before goes on signing beside it until then.
pub(crate) async fn rotate(tx: &Tx, id: Uuid, (until, by): (DateTime<Utc>, &str)) -> Result<()> {
    tx.run(ROTATE, [id.into(), until.into(), by.into(), tx.now().into()]).await?;
    Ok(())
}

const ROTATE: &str = "
update schedules
set secret_generation = secret_generation + 1, previous_secret_until = $2, updated_by = $3, updated_at = $4, version = version + 1
where id = $1";
