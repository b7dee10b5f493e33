//! Recurring jobs declared in code become rows, so that the API, the console and psql see one list.

use jobs::Registry;
use kernel::{Problem, Result};
use serde_json::Value;
use store::{Db, Sql, Tx};
use uuid::Uuid;

use crate::{recurring::Recurring, timing::StoredTiming};

/// Writes `declared` to `schedules`: new ones are created, changed ones updated (what was due while nothing ran is still due;
/// otherwise a changed timing computes the next run anew), those no longer declared disabled. History
/// is kept. Several processes may do so at once.
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
            upsert(&tx, recurring).await?;
        }
        let names: Vec<String> = declared.iter().map(|recurring| recurring.name.to_owned()).collect();
        tx.run(RETIRE_DUE, [names.clone().into(), tx.now().into()]).await?;
        tx.run(RETIRE, [names.into(), tx.now().into()]).await?;
        Ok(())
    })
    .await
}

fn check(recurring: &Recurring, registry: &Registry) -> Result<(), String> {
    let spec = StoredTiming::utc_cron(recurring.cron).spec()?;
    spec.next_after(chrono::DateTime::UNIX_EPOCH).ok_or("it never runs")?;
    registry.check(recurring.kind, &recurring.args).map_err(|problem| problem.to_string())?;
    Ok(())
}

async fn upsert(tx: &Tx, recurring: &Recurring) -> Result<()> {
    let timing = StoredTiming::utc_cron(recurring.cron);
    let next = timing.spec().map_err(Problem::internal)?.next_after(tx.now());
    let grace = recurring.misfire_grace.map(|grace| i32::try_from(grace.as_secs()).unwrap_or(i32::MAX));
    let timing: Value = serde_json::to_value(&timing)?;
    let values = [
        Uuid::now_v7().into(),
        recurring.name.into(),
        recurring.description.into(),
        recurring.kind.into(),
        recurring.args.clone().into(),
        timing.into(),
        grace.into(),
        next.into(),
        tx.now().into(),
    ];
    tx.run(UPSERT, values).await?;
    Ok(())
}

const UPSERT: &str = "
insert into schedules as s (id, name, description, origin, kind, args, timing, misfire_grace_seconds, next_run_at, created_at, updated_at)
values ($1, $2, $3, 'code', $4, $5, $6, $7, $8, $9, $9)
on conflict (name) where origin = 'code' do update
set description = excluded.description, kind = excluded.kind, args = excluded.args, timing = excluded.timing,
    misfire_grace_seconds = excluded.misfire_grace_seconds, version = s.version + 1, updated_at = excluded.updated_at,
    next_run_at = case when s.next_run_at <= excluded.updated_at or (s.timing = excluded.timing and s.next_run_at is not null)
                       then s.next_run_at else excluded.next_run_at end,
    state = case when s.state in ('disabled', 'completed') then 'active' else s.state end,
    state_reason = case when s.state = 'disabled' then null else s.state_reason end
where (s.description, s.kind, s.args, s.timing, s.misfire_grace_seconds)
      is distinct from (excluded.description, excluded.kind, excluded.args, excluded.timing, excluded.misfire_grace_seconds)
   or s.state in ('disabled', 'completed')";

/// What a retired schedule was due for while nothing ran leaves its row.
const RETIRE_DUE: &str = "
insert into executions (id, kind, queue, schedule_id, scheduled_for, args, state, max_attempts, run_at, trigger, triggered_by,
                        message, finished_at, correlation_id, created_at)
select gen_random_uuid(), kind, 'default', id, next_run_at, args, 'missed', 1, next_run_at, 'schedule', 'schedule ' || name,
       'no worker ran at its time, and the code no longer declares the schedule', $2, 'schedules', $2
from schedules where origin = 'code' and state = 'active' and name <> all($1) and next_run_at <= $2
on conflict do nothing";

const RETIRE: &str = "
update schedules
set state = 'disabled', state_reason = 'the code no longer declares it', next_run_at = null, updated_at = $2, version = version + 1
where origin = 'code' and state <> 'disabled' and name <> all($1)";
