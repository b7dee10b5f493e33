//! Recurring jobs declared in code become rows, so that the API, the console and psql see one list.

use chrono::{DateTime, Utc};
use jobs::Registry;
use kernel::{Problem, Result, ScheduleId};
use store::{Db, Sql, Tx};
use uuid::Uuid;

use crate::{
    change::{Held, Transition, hold},
    recurring::Recurring,
    timing::StoredTiming,
};

/// Who changes what the code declares.
const CODE: &str = "code";

/// Writes `declared` to `schedules`: new ones are created, changed ones updated, those no longer declared disabled. What one
/// was due for while nothing ran becomes executions first, by what counted then. History is kept. Several processes may
/// do so at once.
///
/// # Errors
/// `internal-error` naming the declaration that is not valid; `unavailable` when Postgres is away.
pub async fn upsert_declared(db: &Db, declared: &[Recurring], registry: &Registry) -> Result<()> {
    for recurring in declared {
        check(recurring, registry).map_err(|reason| Problem::internal(format!("{}: {reason}", recurring.name)))?;
    }
    db.tx(async |tx| {
        tx.run("select pg_advisory_xact_lock(hashtext('schedules.declared'))", []).await?;
        for recurring in declared {
            upsert(&tx, registry, recurring).await?;
        }
        let names: Vec<String> = declared.iter().map(|recurring| recurring.name.to_owned()).collect();
        retire_others(&tx, registry, names).await
    })
    .await
}

fn check(recurring: &Recurring, registry: &Registry) -> Result<(), String> {
    let spec = StoredTiming::utc_cron(recurring.cron).spec()?;
    spec.next_after(DateTime::UNIX_EPOCH).ok_or("it never runs")?;
    registry.check(recurring.kind, &recurring.args).map_err(|problem| problem.to_string())?;
    Ok(())
}

async fn upsert(tx: &Tx, registry: &Registry, recurring: &Recurring) -> Result<()> {
    let timing = StoredTiming::utc_cron(recurring.cron);
    let spec = timing.spec().map_err(Problem::internal)?;
    let grace = recurring.misfire_grace.map(|grace| i32::try_from(grace.as_secs()).unwrap_or(i32::MAX));
    let values = |id: Uuid, next: Option<DateTime<Utc>>| -> Result<[sea_orm::Value; 9]> {
        Ok([
            id.into(),
            recurring.name.into(),
            recurring.description.into(),
            recurring.kind.into(),
            recurring.args.clone().into(),
            serde_json::to_value(&timing)?.into(),
            grace.into(),
            next.into(),
            tx.now().into(),
        ])
    };
    let created = tx.run(INSERT, values(Uuid::now_v7(), spec.next_after(tx.now()))?).await? == 1;
    let wanted = values(Uuid::nil(), None)?;
    if created || tx.scalar::<i32, _>(UNCHANGED, wanted.into_iter().skip(1).take(6)).await?.is_some() {
        return Ok(());
    }
    let Some(id) = tx.scalar::<Uuid, _>(BY_NAME, [recurring.name.into()]).await? else { return Ok(()) };
    let held = hold_declared(tx, registry, id.into()).await?;
    let (state, next) = match held.row.state.as_str() {
        "paused" => ("paused", None),
        _ => ("active", spec.next_after(held.now)),
    };
    let reason = held.row.state_reason.as_deref().filter(|_| state == "paused");
    held.transition(tx, Transition { state, reason, next_run_at: next, by: CODE }).await?;
    tx.run(UPDATE, values(id, next)?.into_iter().take(7)).await?;
    Ok(())
}

/// One whose kind is gone too cannot be planned: what it was due for is missed.
async fn hold_declared(tx: &Tx, registry: &Registry, id: ScheduleId) -> Result<Held> {
    let known = registry.names();
    tx.run(MISSED, [id.0.into(), tx.now().into(), known.clone().into(), Uuid::now_v7().into()]).await?;
    tx.run(MOVED_ON, [id.0.into(), tx.now().into(), known.into()]).await?;
    hold(tx, registry, id).await
}

async fn retire_others(tx: &Tx, registry: &Registry, names: Vec<String>) -> Result<()> {
    #[derive(sea_orm::FromQueryResult)]
    struct Gone {
        id: Uuid,
    }
    let gone: Vec<Gone> = tx.query(GONE, [names.into()]).await?;
    for Gone { id } in gone {
        let held = hold_declared(tx, registry, id.into()).await?;
        let reason = Some("the code no longer declares it");
        held.transition(tx, Transition { state: "disabled", reason, next_run_at: None, by: CODE }).await?;
    }
    Ok(())
}

const INSERT: &str = "
insert into schedules (id, name, description, origin, kind, args, timing, misfire_grace_seconds, next_run_at, created_at,
                       updated_at, since)
values ($1, $2, $3, 'code', $4, $5, $6, $7, $8, $9, $9, $9)
on conflict (name) where origin = 'code' do nothing";

const UNCHANGED: &str = "
select 1 from schedules
where origin = 'code' and name = $1 and state not in ('disabled', 'completed')
  and (description, kind, args, timing, misfire_grace_seconds) is not distinct from ($2, $3, $4::jsonb, $5::jsonb, $6)";

const BY_NAME: &str = "select id from schedules where origin = 'code' and name = $1";

const UPDATE: &str = "
update schedules
set name = $2, description = $3, kind = $4, args = $5, timing = $6, misfire_grace_seconds = $7
where id = $1";

const GONE: &str =
    "select id from schedules where origin = 'code' and state <> 'disabled' and name <> all($1) order by id";

const MISSED: &str = "
insert into executions (id, kind, queue, schedule_id, scheduled_for, covers_to, args, state, max_attempts, run_at, trigger,
                        triggered_by, message, finished_at, correlation_id, created_at)
select $4, kind, 'default', id, next_run_at, $2, args, 'missed', 1, next_run_at, 'schedule', 'schedule ' || name,
       'no worker ran at its time, and the code no longer knows its job', $2, 'schedules', $2
from schedules where id = $1 and state = 'active' and next_run_at <= $2 and kind <> all($3)
on conflict do nothing";

const MOVED_ON: &str = "update schedules set next_run_at = null where id = $1 and state = 'active' and next_run_at <= $2 and kind <> all($3)";
