//! Doing something to many schedules: a constant number of statements for any number of them.
//!
//! Each is judged by itself, in memory, by the rules of the single operations; then everything is written together.

use std::collections::HashMap;

use kernel::{Problem, Result, kinds};
use serde_json::{Value, json};
use store::{Sql, Tx};
use uuid::Uuid;

use super::{
    outcome::{Done, Outcome},
    request::{Act, Operation, TagChange},
    trigger::trigger,
};
use crate::{
    change::{Held, Transition, hold_many, not_found, transition_many},
    http::view::ScheduleView,
    operations::{In, refuse_declared},
    read::{self, ScheduleRow},
    who::Who,
    write,
};

/// The most tags of a schedule.
const MOST_TAGS: usize = 20;

/// Does `act` to each of `ids` that allows it.
///
/// # Errors
/// `unavailable` when Postgres is away: then it is done to none.
pub(super) async fn apply((cx, tx): In<'_>, who: &Who, (act, ids): (&Act, &[Uuid])) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let rows = permitted(tx, who, ids, &mut outcome).await?;
    if act.operation == Operation::Trigger {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        trigger((cx, tx), who, &ids, &mut outcome).await?;
        return Ok(outcome);
    }
    let held = hold_many(tx, cx.registry()?, &rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
    gone(&rows, &held, &mut outcome);
    let changed = match act.operation {
        Operation::Tag => tag((tx, who), &act.tags, &held, &mut outcome).await?,
        Operation::Delete => delete((tx, who), act, &held, &mut outcome).await?,
        _ => transit((tx, who), act, &held, &mut outcome).await?,
    };
    record((tx, who), act.operation, &changed).await?;
    outcome.done.extend(changed.iter().map(|held| Done { schedule_id: held.row.id, execution_id: None }));
    Ok(outcome)
}

/// Those that exist and that the caller may change.
async fn permitted(tx: &Tx, who: &Who, ids: &[Uuid], outcome: &mut Outcome) -> Result<Vec<ScheduleRow>> {
    let mut found: HashMap<Uuid, ScheduleRow> =
        read::find_many(tx, ids).await?.into_iter().map(|row| (row.id, row)).collect();
    let mut permitted = Vec::with_capacity(found.len());
    for id in ids {
        let row = found.remove(id).ok_or_else(|| not_found((*id).into()));
        match row.and_then(|row| row.may_be_changed_by(&who.actor).map(|()| row)) {
            Ok(row) => permitted.push(row),
            Err(problem) => outcome.failed.push((*id, problem)),
        }
    }
    Ok(permitted)
}

/// Those that somebody deleted before they were locked.
fn gone(rows: &[ScheduleRow], held: &[Held], outcome: &mut Outcome) {
    let gone = rows.iter().filter(|row| held.iter().all(|held| held.row.id != row.id));
    outcome.failed.extend(gone.map(|row| (row.id, not_found(row.id.into()))));
}

/// Keeps those of which `judge` approves, with what it says.
fn sift<'a, T>(
    held: &'a [Held],
    outcome: &mut Outcome,
    judge: impl Fn(&'a Held) -> Result<T>,
) -> (Vec<&'a Held>, Vec<T>) {
    let mut good = (Vec::new(), Vec::new());
    for held in held {
        match judge(held) {
            Ok(said) => {
                good.0.push(held);
                good.1.push(said);
            }
            Err(problem) => outcome.failed.push((held.row.id, problem)),
        }
    }
    good
}

async fn transit<'a>(
    (tx, who): (&Tx, &Who),
    act: &Act,
    held: &'a [Held],
    outcome: &mut Outcome,
) -> Result<Vec<&'a Held>> {
    let by = who.actor.identity();
    let reason = act.reason.clone().unwrap_or_else(|| format!("paused by {} ({by})", who.actor.display_name()));
    let (good, transitions): (_, Vec<Transition<'_>>) = sift(held, outcome, |held| match act.operation {
        Operation::Pause => write::paused(held, (&reason, &by)),
        _ => write::resumed(held, &by),
    });
    if !good.is_empty() {
        transition_many(tx, &good.iter().copied().zip(transitions).collect::<Vec<_>>()).await?;
    }
    Ok(good)
}

async fn delete<'a>(
    (tx, who): (&Tx, &Who),
    act: &Act,
    held: &'a [Held],
    outcome: &mut Outcome,
) -> Result<Vec<&'a Held>> {
    let (good, _) = sift(held, outcome, refuse_declared);
    let reason = act.reason.as_deref().map_or_else(|| "deleted".to_owned(), |reason| format!("deleted: {reason}"));
    if !good.is_empty() {
        write::delete_many(tx, &good, (&reason, &who.actor.identity())).await?;
    }
    Ok(good)
}

async fn tag<'a>(
    (tx, who): (&Tx, &Who),
    change: &TagChange,
    held: &'a [Held],
    outcome: &mut Outcome,
) -> Result<Vec<&'a Held>> {
    let (good, tags) = sift(held, outcome, |held| {
        refuse_declared(held)?;
        tagged(&held.row.tags, change)
    });
    let rows = good.iter().zip(tags).filter(|(held, tags)| held.row.tags != *tags);
    let rows: Vec<Value> = rows.map(|(held, tags)| json!({ "id": held.row.id, "tags": tags })).collect();
    tx.run(TAG, [Value::Array(rows).into(), who.actor.identity().into(), tx.now().into()]).await?;
    Ok(good)
}

const TAG: &str = "
update schedules s set tags = n.tags, updated_by = $2, updated_at = $3, version = s.version + 1
from jsonb_to_recordset($1) as n (id uuid, tags text[])
where s.id = n.id";

/// The tags after the change: those that were there stay in their order, new ones follow.
fn tagged(tags: &[String], change: &TagChange) -> Result<Vec<String>> {
    let mut after: Vec<String> = tags.iter().filter(|tag| !change.remove.contains(tag)).cloned().collect();
    for tag in &change.add {
        if !after.contains(tag) {
            after.push(tag.clone());
        }
    }
    if after.len() > MOST_TAGS {
        let message = format!("would make {} tags; {MOST_TAGS} are the most", after.len());
        return Err(Problem::new(&kinds::VALIDATION_FAILED).field("/tags/add", message));
    }
    Ok(after)
}

/// One row of the audit log for each that was changed.
async fn record((tx, who): (&Tx, &Who), operation: Operation, changed: &[&Held]) -> Result<()> {
    let ids: Vec<Uuid> = changed.iter().map(|held| held.row.id).collect();
    let before = views(tx, changed.iter().map(|held| held.row.clone()).collect()).await?;
    let after = views(tx, read::find_many(tx, &ids).await?).await?;
    let changes = ids.iter().filter(|id| before.get(id) != after.get(id)).map(|id| audit::Change {
        actor: &who.actor,
        label: who.label.as_deref(),
        action: operation.action(),
        target: format!("schedule:{id}"),
        before: before.get(id),
        after: after.get(id),
    });
    audit::record_many(tx, &changes.collect::<Vec<_>>()).await
}

async fn views(tx: &Tx, rows: Vec<ScheduleRow>) -> Result<HashMap<Uuid, Value>> {
    let views = ScheduleView::of_many(tx, rows).await?;
    views.iter().map(|view| Ok((view.id, view.for_audit()?))).collect()
}

/// One row of the audit log for each that was refused. Not for a filter: it names none of them.
pub(super) async fn record_refused(
    (tx, who): (&Tx, &Who),
    operation: Operation,
    failed: &[(Uuid, Problem)],
) -> Result<()> {
    let refused =
        failed.iter().filter(|(_, problem)| !problem.is(&kinds::NOT_FOUND)).map(|(id, problem)| audit::Refused {
            actor: &who.actor,
            label: who.label.as_deref(),
            action: operation.action(),
            target: Some(format!("schedule:{id}")),
            problem: problem.kind().slug,
        });
    audit::record_refused(tx, &refused.collect::<Vec<_>>()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_and_go_and_keep_their_order_and_bound() {
        let texts = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let change = TagChange { add: texts(&["c", "a", "d"]), remove: texts(&["b", "x"]) };
        assert_eq!(tagged(&texts(&["a", "b", "c"]), &change).unwrap(), ["a", "c", "d"]);
        let full: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let one = TagChange { add: texts(&["new"]), ..TagChange::default() };
        assert_eq!(tagged(&full, &one).unwrap_err().errors()[0].pointer, "/tags/add");
        let swap = TagChange { remove: texts(&["7"]), ..one };
        assert_eq!(tagged(&full, &swap).unwrap().len(), 20);
    }
}
