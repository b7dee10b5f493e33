//! Running many schedules now.

use std::collections::{BTreeSet, HashSet};

use jobs::KindInfo;
use kernel::{ExecutionId, Problem, Result};
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use store::{Sql, Tx};
use uuid::Uuid;

use super::outcome::{Done, Outcome};
use crate::{
    change::{lock_many, not_found},
    operations::In,
    overlap::Active,
    plan::{Plans, readable},
    problems,
    row::Due,
    tick::active,
    who::Who,
    write::{BUSY_ELSEWHERE, by_hand},
};

/// Runs each of `ids`, whose overlap rule and whose job's lock count as for a single one.
pub(super) async fn trigger((cx, tx): In<'_>, who: &Who, ids: &[Uuid], outcome: &mut Outcome) -> Result<()> {
    let registry = cx.registry()?;
    let rows = lock_many(tx, ids).await?;
    let gone = ids.iter().filter(|id| rows.iter().all(|row| row.id != **id));
    outcome.failed.extend(gone.map(|id| (*id, not_found((*id).into()))));
    let readable: Vec<(&Due, Result<KindInfo>)> =
        rows.iter().map(|row| (row, readable(row, registry).map(|(_, kind)| kind).map_err(not_valid))).collect();
    let exclusive = readable.iter().filter_map(|(_, kind)| kind.as_ref().ok()).filter(|kind| is_exclusive(**kind));
    let running = running(tx, exclusive.map(|kind| kind.kind).collect()).await?;
    let active = active(tx, ids.to_vec()).await?;
    let mut plans = Plans::default();
    let mut done = Vec::new();
    for (row, kind) in readable {
        let active = active.get(&row.id).copied().unwrap_or_default();
        match kind.and_then(|kind| one(&mut plans, (row, kind), (active, &running), (who, tx))) {
            Ok(execution) => done.push((row.id, execution)),
            Err(problem) => outcome.failed.push((row.id, problem)),
        }
    }
    plans.write(tx).await?;
    record((tx, who), &done).await?;
    let done = done.into_iter().map(|(schedule_id, execution)| Done { schedule_id, execution_id: Some(execution.0) });
    outcome.done.extend(done);
    Ok(())
}

fn one(
    plans: &mut Plans,
    (row, kind): (&Due, KindInfo),
    (active, running): (Active, &HashSet<String>),
    (who, tx): (&Who, &Tx),
) -> Result<ExecutionId> {
    if is_exclusive(kind) && running.contains(kind.kind) {
        return Err(problems::busy(BUSY_ELSEWHERE));
    }
    plans.once(row, kind, (active, by_hand(None, who.cause())), tx.now()).map_err(problems::busy)
}

fn not_valid(reason: String) -> Problem {
    problems::state("not valid", "run").with("reason", reason)
}

fn is_exclusive(kind: KindInfo) -> bool {
    kind.policy.overlap == jobs::Overlap::Exclusive
}

/// Which of `kinds` run.
async fn running(tx: &Tx, kinds: BTreeSet<&'static str>) -> Result<HashSet<String>> {
    #[derive(FromQueryResult)]
    struct Running {
        kind: String,
    }
    if kinds.is_empty() {
        return Ok(HashSet::new());
    }
    let kinds: Vec<String> = kinds.into_iter().map(str::to_owned).collect();
    let running: Vec<Running> = tx.query(RUNNING, [kinds.into()]).await?;
    Ok(running.into_iter().map(|row| row.kind).collect())
}

const RUNNING: &str = "select distinct kind from executions where state = 'running' and kind = any($1)";

async fn record((tx, who): (&Tx, &Who), done: &[(Uuid, ExecutionId)]) -> Result<()> {
    let after: Vec<Value> = done.iter().map(|(_, execution)| json!({ "execution_id": execution })).collect();
    let changes = done.iter().zip(&after).map(|((id, _), after)| audit::Change {
        actor: &who.actor,
        label: who.label.as_deref(),
        action: "schedule.trigger",
        target: format!("schedule:{id}"),
        before: None,
        after: Some(after),
    });
    audit::record_many(tx, &changes.collect::<Vec<_>>()).await
}
