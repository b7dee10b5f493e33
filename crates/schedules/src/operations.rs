//! What callers do to schedules: permitted, audited, in the caller's transaction.

use kernel::{ExecutionId, Problem, Result, ScheduleId};
use serde_json::{Value, json};
use store::Tx;
use uuid::Uuid;

use crate::{
    Schedules,
    change::{Held, not_found},
    http::{
        request::{EXPANDED, Fields, ScheduleRequest},
        view::ScheduleView,
    },
    problems, read, targets,
    who::Who,
    write,
};

/// The state of the service, and the transaction in which something is done.
pub(crate) type In<'a> = (&'a Schedules, &'a Tx);

/// Creates a schedule.
///
/// # Errors
/// `validation-failed` naming every field that is wrong; `schedule-name-taken`; `schedule-quota`; `schedule-cycle`.
pub(crate) async fn create((cx, tx): In<'_>, who: &Who, request: &ScheduleRequest) -> Result<ScheduleView> {
    let draft = request.draft(cx, tx, None).await?;
    let row = write::create(tx, cx.registry()?, &draft, (&who.by(), cx.settings.most_per_creator)).await?;
    let view = ScheduleView::of(tx, row).await?;
    record(tx, who, ("schedule.create", view.id), (None, Some(&view.for_audit()?))).await?;
    Ok(view)
}

/// Locks a schedule that the caller may change, with nothing due any more.
///
/// # Errors
/// `not-found`; `forbidden`.
pub(crate) async fn hold((cx, tx): In<'_>, who: &Who, id: Uuid) -> Result<Held> {
    let row = read::find(tx, id).await?.ok_or_else(|| not_found(id.into()))?;
    row.may_be_changed_by(&who.actor)?;
    write::held(tx, cx.registry()?, id).await
}

/// What was given for a schedule, for a merge patch.
///
/// # Errors
/// `schedule-state` when the code declares it.
pub(crate) fn given(held: &Held) -> Result<Fields> {
    refuse_declared(held)?;
    let mut given = held.row.given.as_object().cloned().unwrap_or_default();
    let expanded = given.remove(EXPANDED);
    // Tags may have been set without the rest.
    let kept = expanded.as_ref().and_then(|fields| fields.get("tags")).or(given.get("tags")).cloned();
    let tags = Value::from(held.row.tags.clone());
    if kept.unwrap_or_else(|| json!([])) != tags {
        given.insert("tags".to_owned(), tags);
    }
    Ok(given)
}

/// Makes a schedule what the request says, from now on.
///
/// # Errors
/// As [`create`], but for the quota; `schedule-state` when the code declares it.
pub(crate) async fn replace(
    (cx, tx): In<'_>,
    who: &Who,
    (held, request): (&Held, &ScheduleRequest),
) -> Result<ScheduleView> {
    refuse_declared(held)?;
    let before = ScheduleView::of(tx, held.row.clone()).await?.for_audit()?;
    let draft = request.draft(cx, tx, Some(held)).await?;
    let row = write::replace(tx, held, &draft, &who.by()).await?;
    let view = ScheduleView::of(tx, row).await?;
    record(tx, who, ("schedule.update", view.id), (Some(&before), Some(&view.for_audit()?))).await?;
    Ok(view)
}

/// Pauses a schedule.
///
/// # Errors
/// `schedule-state` when it is not active.
pub(crate) async fn pause((_, tx): In<'_>, who: &Who, (held, reason): (&Held, &str)) -> Result<ScheduleView> {
    write::pause(tx, held, (reason, &who.actor.identity())).await?;
    moved(tx, who, ("schedule.pause", held)).await
}

/// Resumes a schedule.
///
/// # Errors
/// `schedule-state` when it is not paused.
pub(crate) async fn resume((_, tx): In<'_>, who: &Who, held: &Held) -> Result<ScheduleView> {
    write::resume(tx, held, &who.actor.identity()).await?;
    moved(tx, who, ("schedule.resume", held)).await
}

/// Deletes a schedule.
///
/// # Errors
/// `schedule-state` when the code declares it.
pub(crate) async fn delete((_, tx): In<'_>, who: &Who, held: &Held) -> Result<()> {
    refuse_declared(held)?;
    let before = ScheduleView::of(tx, held.row.clone()).await?.for_audit()?;
    write::delete(tx, held, &who.actor.identity()).await?;
    record(tx, who, ("schedule.delete", held.row.id), (Some(&before), None)).await
}

/// Runs a schedule now, with `payload` in place of its own if one is given.
///
/// # Errors
/// `not-found`; `forbidden`; `validation-failed` naming what of `/payload` is wrong; `schedule-busy`; `schedule-state`.
pub(crate) async fn trigger(
    (cx, tx): In<'_>,
    who: &Who,
    (id, payload): (ScheduleId, Option<Value>),
) -> Result<ExecutionId> {
    let row = read::find(tx, id.0).await?.ok_or_else(|| not_found(id))?;
    row.may_be_changed_by(&who.actor)?;
    let registry = cx.registry()?;
    let given = payload.clone();
    let args = payload.map(|payload| targets::with_payload(registry, (&row.kind, &row.args), payload)).transpose()?;
    let execution = write::trigger(tx, registry, id, (args, who.cause())).await?;
    let mut after = json!({ "execution_id": execution });
    if let (Some(payload), Some(after)) = (given, after.as_object_mut()) {
        after.insert("payload".to_owned(), payload);
    }
    record(tx, who, ("schedule.trigger", id.0), (None, Some(&after))).await?;
    Ok(execution)
}

async fn moved(tx: &Tx, who: &Who, (action, held): (&'static str, &Held)) -> Result<ScheduleView> {
    let before = ScheduleView::of(tx, held.row.clone()).await?.for_audit()?;
    let row = read::find(tx, held.row.id).await?.ok_or_else(|| not_found(held.row.id.into()))?;
    let view = ScheduleView::of(tx, row).await?;
    record(tx, who, (action, view.id), (Some(&before), Some(&view.for_audit()?))).await?;
    Ok(view)
}

/// Refuses what only the code may do to what it declares.
///
/// # Errors
/// `schedule-state`.
pub(crate) fn refuse_declared(held: &Held) -> Result<()> {
    if held.row.origin == "code" {
        return Err(
            Problem::new(&problems::STATE).detail("the code declares it: it can be paused, resumed and triggered")
        );
    }
    Ok(())
}

async fn record(
    tx: &Tx,
    who: &Who,
    (action, id): (&'static str, Uuid),
    (before, after): (Option<&Value>, Option<&Value>),
) -> Result<()> {
    let (actor, label, target) = (&who.actor, who.label.as_deref(), format!("schedule:{id}"));
    audit::record(tx, audit::Change { actor, label, action, target, before, after }).await
}
