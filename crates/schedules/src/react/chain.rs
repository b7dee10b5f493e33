//! Schedules that run after others: which of them the end of an execution lets run.
//!
//! All runs that follow from one due time (or one manual run) are a round. With `all`, a schedule runs once in a round, when
//! every schedule it runs after has ended there as it demands; with `any`, after each that has.

use jobs::{Correlation, Registry, Trigger};
use kernel::Result;
use sea_orm::FromQueryResult;
use store::{Sql, Tx};
use uuid::Uuid;

use super::Event;
use crate::{
    change::lock,
    plan::{Cause, Plans, readable, skipped},
    row::Due,
    tick::active,
};

#[derive(FromQueryResult)]
struct Dependent {
    id: Uuid,
    condition: String,
    join_mode: String,
}

const DEPENDENTS: &str = "
select s.id, d.condition, s.join_mode
from schedule_dependencies d join schedules s on s.id = d.schedule_id
where d.after_id = $1 and s.deleted_at is null
order by s.id";

/// Runs what may run now that `event` is over.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn ended(tx: &Tx, registry: &Registry, event: &Event) -> Result<()> {
    let dependents: Vec<Dependent> = tx.query(DEPENDENTS, [event.schedule_id.into()]).await?;
    for dependent in dependents {
        let Some(row) = lock(tx, dependent.id).await? else { continue };
        let verdict = match (is_met(&dependent.condition, &event.state), dependent.join_mode.as_str()) {
            (true, "any") => Verdict::Run,
            (false, "any") => left_out(&dependent, event),
            (met, _) => joined(tx, &dependent, event, met).await?,
        };
        match verdict {
            Verdict::Wait => {}
            Verdict::Run => run(tx, registry, &row, event, None).await?,
            Verdict::LeaveOut(reason) => run(tx, registry, &row, event, Some(reason)).await?,
        }
    }
    Ok(())
}

/// What becomes of a dependent schedule.
enum Verdict {
    Run,
    Wait,
    /// It does not run in this round, for this reason.
    LeaveOut(String),
}

fn is_met(condition: &str, state: &str) -> bool {
    match condition {
        "success" => state == "succeeded",
        "failure" => state == "failed",
        _ => matches!(state, "succeeded" | "failed" | "cancelled"),
    }
}

/// What waits for a failure is not left out by a success: it was never to run.
fn left_out(dependent: &Dependent, event: &Event) -> Verdict {
    if event.state == "succeeded" {
        return Verdict::Wait;
    }
    let wanted = &dependent.condition;
    Verdict::LeaveOut(format!(
        "execution {} of {} {}; it runs after its {wanted}",
        event.execution_id, event.name, event.state
    ))
}

#[derive(FromQueryResult)]
struct Round {
    met: i64,
    unmet: i64,
    wanted: i64,
}

/// Notes that one of several has ended, and says what follows.
async fn joined(tx: &Tx, dependent: &Dependent, event: &Event, met: bool) -> Result<Verdict> {
    let detail = format!("{} {}", event.name, event.state);
    let arrival = [
        dependent.id.into(),
        event.round.as_str().into(),
        event.schedule_id.into(),
        met.into(),
        detail.into(),
        tx.now().into(),
    ];
    tx.run(ARRIVE, arrival).await?;
    let round: Option<Round> = tx.query_opt(ROUND, [dependent.id.into(), event.round.as_str().into()]).await?;
    let Some(round) = round else { return Ok(Verdict::Wait) };
    if round.met >= round.wanted {
        tx.run(DECIDED, [dependent.id.into(), event.round.as_str().into()]).await?;
        return Ok(Verdict::Run);
    }
    // The first one that ends otherwise decides; a retry of it may still let the round run.
    Ok(if !met && round.unmet == 1 { left_out(dependent, event) } else { Verdict::Wait })
}

const ARRIVE: &str = "
insert into schedule_rounds (schedule_id, round, after_id, satisfied, detail, at) values ($1, $2, $3, $4, $5, $6)
on conflict (schedule_id, round, after_id) do update
set satisfied = excluded.satisfied, detail = excluded.detail, at = excluded.at";

const ROUND: &str = "
select count(*) filter (where satisfied) as met, count(*) filter (where not satisfied) as unmet,
       (select count(*) from schedule_dependencies d join schedules s on s.id = d.after_id
        where d.schedule_id = $1 and s.deleted_at is null) as wanted
from schedule_rounds r
where schedule_id = $1 and round = $2
  and exists (select 1 from schedule_dependencies d where d.schedule_id = $1 and d.after_id = r.after_id)";

const DECIDED: &str = "delete from schedule_rounds where schedule_id = $1 and round = $2";

/// Makes the execution that follows, or the record that it does not.
async fn run(tx: &Tx, registry: &Registry, row: &Due, event: &Event, left_out: Option<String>) -> Result<()> {
    let mut plans = Plans::default();
    let kind = match readable(row, registry) {
        Ok((_, kind)) => kind,
        Err(reason) => {
            plans.disable(row, registry, (reason, tx.now()));
            plans.write(tx).await?;
            return Ok(());
        }
    };
    let cause = Cause {
        trigger: Trigger::Chain,
        triggered_by: format!("after {}: execution {} {}", event.name, event.execution_id, event.state),
        correlation: Correlation::Of(event.correlation_id.clone()),
        round: Some(event.round.clone()),
        args: None,
        scheduled_for: None,
    };
    let reason = left_out.or_else(|| match row.state.as_str() {
        "active" if row.runs_left() > 0 => None,
        "active" => Some("it has had its last run".to_owned()),
        state => Some(format!("the schedule is {state}")),
    });
    let refused = if reason.is_some() {
        reason
    } else {
        let active = active(tx, vec![row.id]).await?.get(&row.id).copied().unwrap_or_default();
        plans.once(row, kind, (active, cause.clone()), tx.now()).err()
    };
    match refused {
        Some(reason) => {
            plans.caused(row, kind, cause, (skipped(reason, "chain"), tx.now()));
        }
        None => {
            tx.run(COUNT_RUN, [row.id.into()]).await?;
        }
    }
    plans.write(tx).await?;
    Ok(())
}

/// A schedule without due times of its own is over with its last run; one with due times is when the next comes.
const COUNT_RUN: &str = "
update schedules
set run_count = run_count + 1,
    state = case when schedule_type = 'dependent' and run_count + 1 >= max_runs then 'completed' else state end
where id = $1";
