//! Running past due times after all: listed before they are run, each at most once.

mod http;

use chrono::{DateTime, Utc};
use jobs::{Correlation, NewState, Registry, Trigger};
use kernel::{Problem, Result};
use sea_orm::FromQueryResult;
use serde::Serialize;
use store::{Sql, Tx};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use http::routes;

use crate::{
    change::Held,
    plan::{Cause, Plans, readable},
    problems,
    row::{Due, due_columns},
};

/// The most due times of one backfill.
pub(crate) const MOST: usize = 500;

/// What a backfill does with a due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// It has no execution yet: it gets one.
    Run,
    /// It was skipped or missed: its record becomes a run.
    RunAgain,
    /// It has run, runs, or waits: it is left alone.
    Leave,
}

/// A due time of the range.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Item {
    pub scheduled_for: DateTime<Utc>,
    pub action: Action,
    /// Its execution, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<Uuid>,
    /// Where that execution stood.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "missed")]
    pub state: Option<String>,
}

#[derive(FromQueryResult)]
struct Known {
    id: Uuid,
    scheduled_for: DateTime<Utc>,
    state: String,
}

/// The due times in [`from`, `to`] by the present timing, with what is to become of each.
///
/// # Errors
/// `validation-failed` when there are more than [`MOST`].
pub(crate) async fn plan(sql: &impl Sql, held: &Held, (from, to): (DateTime<Utc>, DateTime<Utc>)) -> Result<Vec<Item>> {
    let timing = held.row.stored_timing().map_err(Problem::internal)?;
    let spec = crate::cache::spec(&timing).map_err(Problem::internal)?;
    let before = crate::change::just_before(from);
    let due: Vec<DateTime<Utc>> =
        spec.occurrences_between(before, to, MOST + 1).into_iter().map(|run| run.at).collect();
    if due.len() > MOST {
        return Err(problems::invalid("/to", format!("more than {MOST} due times; choose a shorter range")));
    }
    let known: Vec<Known> = sql.query(KNOWN, [held.row.id.into(), due.clone().into()]).await?;
    let item = |scheduled_for| match known.iter().find(|known| known.scheduled_for == scheduled_for) {
        None => Item { scheduled_for, action: Action::Run, execution_id: None, state: None },
        Some(known) => Item {
            scheduled_for,
            action: if matches!(known.state.as_str(), "skipped" | "missed") { Action::RunAgain } else { Action::Leave },
            execution_id: Some(known.id),
            state: Some(known.state.clone()),
        },
    };
    Ok(due.into_iter().map(item).collect())
}

const KNOWN: &str =
    "select id, scheduled_for, state from executions where schedule_id = $1 and scheduled_for = any($2)";

/// Makes `items` run. They run side by side, as workers are free, whatever the overlap rule says of due times.
///
/// # Errors
/// `schedule-state` when the schedule is not valid; `unavailable` when Postgres is away.
pub(crate) async fn run(tx: &Tx, registry: &Registry, held: &Held, (items, by): (&mut [Item], &str)) -> Result<()> {
    let row: Option<Due> = tx.query_opt(ROW, [held.row.id.into()]).await?;
    let row = row.ok_or_else(|| crate::change::not_found(held.row.id.into()))?;
    let (_, kind) =
        readable(&row, registry).map_err(|reason| problems::state("not valid", "run").with("reason", reason))?;
    let mut plans = Plans::default();
    for item in items {
        match (item.action, item.execution_id) {
            (Action::Run, _) => {
                let cause = Cause {
                    trigger: Trigger::Backfill,
                    triggered_by: by.to_owned(),
                    correlation: Correlation::Own,
                    round: None,
                    args: None,
                    scheduled_for: Some(item.scheduled_for),
                };
                item.execution_id = Some(plans.caused(&row, kind, cause, (NewState::Queued, tx.now())).0);
            }
            (Action::RunAgain, Some(id)) => {
                tx.run(AGAIN, [id.into(), tx.now().into(), by.into()]).await?;
            }
            _ => {}
        }
    }
    plans.write(tx).await?;
    Ok(())
}

const ROW: &str = concat!("select ", due_columns!(), " from schedules s where s.id = $1");

const AGAIN: &str = "
update executions
set state = 'queued', run_at = $2, dispatched_at = null, max_attempts = greatest(max_attempts, attempt + 1), result = null,
    finished_at = null, message = null, trigger = 'backfill', triggered_by = $3
where id = $1 and state in ('skipped', 'missed')";
