//! What a person may do to executions: run one again, cancel one, run many again.

use std::time::{Duration, Instant};

use audit::Change;
use jobs::executions::{self as engine, Cancelled};
use kernel::{Actor, ExecutionId, Result};
use serde_json::{Value, json};
use store::{Db, Tx};

use crate::{filter::Filter, listing, names::State};

/// How many are run again at once.
pub(crate) const MOST_RETRIED: usize = 1000;
/// How far matches are counted.
pub(crate) const MOST_COUNTED: i64 = 100_000;
/// How long running many again may take: less than the longest request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By<'a> {
    pub actor: &'a Actor,
    /// What the caller says of itself.
    pub label: Option<&'a str>,
}

/// Runs it once more.
///
/// # Errors
/// `not-found`; `execution-state` when it waits, runs or has succeeded, or when a unique job like it does.
pub(crate) async fn retry(tx: &Tx, id: ExecutionId, by: By<'_>) -> Result<()> {
    engine::retry(tx, id, &by.actor.user_id.to_string()).await?;
    record(tx, (id, by), "execution.retry", json!({"state": "queued"})).await
}

/// Cancels it: at once while it waits; a running one is asked to stop.
///
/// # Errors
/// `not-found`; `execution-state` when it has ended.
pub(crate) async fn cancel(tx: &Tx, id: ExecutionId, by: By<'_>, reason: Option<&str>) -> Result<Cancelled> {
    let cancelled = engine::cancel(tx, id, reason.unwrap_or("cancelled on request")).await?;
    let state = if cancelled == Cancelled::AtOnce { "cancelled" } else { "asked to stop" };
    record(tx, (id, by), "execution.cancel", json!({"state": state, "reason": reason})).await?;
    Ok(cancelled)
}

async fn record(tx: &Tx, (id, by): (ExecutionId, By<'_>), action: &'static str, after: Value) -> Result<()> {
    let (actor, label) = (by.actor, by.label);
    let change = Change { actor, label, action, target: format!("execution:{id}"), before: None, after: Some(&after) };
    audit::record(tx, change).await
}

/// What running many again came to.
#[derive(Debug, Default)]
pub(crate) struct Retried {
    /// How many matched, counted up to [`MOST_COUNTED`].
    pub matched: usize,
    /// Those that are queued again, or would be.
    pub ids: Vec<ExecutionId>,
    /// Those that could not be, and why.
    pub failed: Vec<(ExecutionId, String)>,
}

/// The states that `filter` retries: what it names, or the failed ones.
pub(crate) fn retryable(filter: Filter) -> Filter {
    let states = if filter.states.is_empty() { vec![State::Failed] } else { filter.states };
    Filter { states, ..filter }
}

/// What [`retry_matching`] would take.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn matching(db: &Db, filter: &Filter) -> Result<Retried> {
    let mut ids = listing::ids(db, filter, MOST_COUNTED).await?;
    let matched = ids.len();
    ids.truncate(MOST_RETRIED);
    Ok(Retried { matched, ids: ids.into_iter().map(Into::into).collect(), failed: Vec::new() })
}

/// Runs the newest [`MOST_RETRIED`] of what matches once more, each in a transaction of its own: one that cannot be takes
/// no other with it.
///
/// # Errors
/// `unavailable` when Postgres is away; what was queued by then stays so.
pub(crate) async fn retry_matching(db: &Db, filter: &Filter, by: By<'_>) -> Result<Retried> {
    let found = matching(db, filter).await?;
    let began = Instant::now();
    let mut retried = Retried { matched: found.matched, ..Retried::default() };
    for id in found.ids {
        if began.elapsed() > PATIENCE {
            break;
        }
        match db.tx(async |tx: Tx| retry(&tx, id, by).await).await {
            Ok(()) => retried.ids.push(id),
            Err(problem) if problem.is_transient() => return Err(problem),
            Err(problem) => retried.failed.push((id, problem.detail_text().unwrap_or(problem.kind().title).to_owned())),
        }
    }
    Ok(retried)
}
