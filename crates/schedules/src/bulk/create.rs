//! Creating many schedules: everything is judged first, then written together.

use std::collections::{HashMap, HashSet};

use kernel::{Problem, Result, kinds};
use serde_json::Value;
use store::Tx;
use uuid::Uuid;

use super::{
    insert::{self, New},
    outcome::{CreatedItem, CreatedView, FailedItem},
};
use crate::{
    change::lock_many,
    draft::Draft,
    http::{request::ScheduleRequest, view::ScheduleView},
    operations::In,
    plan::Waiting,
    problems, read,
    tick::write_due,
    who::Who,
    write,
};

/// Faults that one refusal names at most.
const MOST_FAULTS: usize = 200;

/// What is judged of each schedule of a request: a draft, until it turns out why not.
type Judged = Vec<Result<Draft, Problem>>;

/// Creates what can be created of `given`.
///
/// # Errors
/// `unavailable` when Postgres is away: then nothing is created.
pub(super) async fn create_some((cx, tx): In<'_>, who: &Who, given: &[Value]) -> Result<CreatedView> {
    let (judged, success) = create((cx, tx), who, given).await?;
    let failed = judged.iter().enumerate().filter_map(|(index, item)| Some((index, item.as_ref().err()?)));
    let failed: Vec<(usize, &Problem)> = failed.collect();
    let refused = failed.iter().map(|(_, problem)| audit::Refused {
        actor: &who.actor,
        label: who.label.as_deref(),
        action: "schedule.create",
        target: None,
        problem: problem.kind().slug,
    });
    audit::record_refused(tx, &refused.collect::<Vec<_>>()).await?;
    let failed = failed.into_iter().map(|(index, problem)| FailedItem::of(index, &given[index], problem));
    Ok(CreatedView { success, failed: failed.collect() })
}

/// Creates all of `given`.
///
/// # Errors
/// Why one of them cannot be created, naming each fault by its place: then none is.
pub(super) async fn create_all((cx, tx): In<'_>, who: &Who, given: &[Value]) -> Result<CreatedView> {
    let (judged, success) = create((cx, tx), who, given).await?;
    let failed: Vec<Problem> = judged.into_iter().filter_map(Result::err).collect();
    if failed.is_empty() { Ok(CreatedView { success, failed: Vec::new() }) } else { Err(together(failed, given.len())) }
}

async fn create((cx, tx): In<'_>, who: &Who, given: &[Value]) -> Result<(Judged, Vec<CreatedItem>)> {
    let by = who.by();
    let mut judged = drafts((cx, tx), given).await?;
    check_after(tx, &mut judged).await?;
    let left = write::room(tx, &by, cx.settings.most_per_creator).await?;
    let names = judged.iter().flatten().map(|draft| draft.name.clone()).collect();
    check_names(&mut judged, insert::taken(tx, &by, names).await?);
    check_quota(&mut judged, left, i64::from(cx.settings.most_per_creator));
    let new = judged.iter().enumerate().filter_map(|(index, item)| Some((index, item.as_ref().ok()?)));
    let new: Vec<New<'_>> = new.map(|(index, draft)| New { index, id: Uuid::now_v7(), draft }).collect();
    let written = insert::insert(tx, &new, &by).await?;
    let places: Vec<(Uuid, usize)> = new.iter().map(|new| (new.id, new.index)).collect();
    for (_, index) in places.iter().filter(|(id, _)| !written.contains(id)) {
        // Another schedule was given this name at the same time.
        if let Ok(draft) = &judged[*index] {
            judged[*index] = Err(name_taken(*index, &draft.name));
        }
    }
    let created = places.into_iter().filter(|(id, _)| written.contains(id)).collect();
    Ok((judged, finish((cx, tx), who, created).await?))
}

/// What the requests come to, or what is wrong with each.
async fn drafts((cx, tx): In<'_>, given: &[Value]) -> Result<Judged> {
    let mut judged = Vec::with_capacity(given.len());
    for (index, item) in given.iter().enumerate() {
        let draft = match item.as_object() {
            Some(fields) => ScheduleRequest::read(fields.clone()).draft(cx, tx, None).await,
            None => Err(problems::invalid("", "must be an object")),
        };
        judged.push(match draft {
            Err(problem) if problem.is_transient() => return Err(problem),
            Err(problem) => Err(at(index, problem)),
            Ok(draft) => Ok(draft),
        });
    }
    Ok(judged)
}

/// The same problem, with its faults where the whole request has them.
fn at(index: usize, problem: Problem) -> Problem {
    let mut there = Problem::new(problem.kind());
    if let Some(detail) = problem.detail_text() {
        there = there.detail(detail.to_owned());
    }
    there = problem.members().iter().fold(there, |there, (name, value)| there.with(name, value.clone()));
    let faults = problem.errors().iter();
    faults
        .fold(there, |there, fault| there.field(format!("/schedules/{index}{}", fault.pointer), fault.message.clone()))
}

/// Refuses those that are to run after what is no schedule. A name of the same request is none: an id is needed.
async fn check_after(tx: &Tx, judged: &mut Judged) -> Result<()> {
    let after = judged.iter().flatten().flat_map(|draft| draft.after.iter().map(|after| after.schedule_id));
    let known = insert::existing(tx, after.collect()).await?;
    for (index, item) in judged.iter_mut().enumerate() {
        let Ok(draft) = item else { continue };
        let mut seen = HashSet::new();
        let wrong =
            draft.after.iter().position(|after| !known.contains(&after.schedule_id) || !seen.insert(after.schedule_id));
        if let Some(place) = wrong {
            let pointer = format!("/schedules/{index}/after/{place}/schedule_id");
            *item = Err(problems::invalid(&pointer, "is not the id of a schedule, or stands there twice"));
        }
    }
    Ok(())
}

fn check_names(judged: &mut Judged, mut taken: HashSet<String>) {
    for (index, item) in judged.iter_mut().enumerate() {
        let Ok(draft) = item else { continue };
        if !taken.insert(draft.name.clone()) {
            *item = Err(name_taken(index, &draft.name));
        }
    }
}

fn name_taken(index: usize, name: &str) -> Problem {
    let pointer = format!("/schedules/{index}/name");
    Problem::new(&problems::NAME_TAKEN).field(pointer, format!("you have a schedule {name}, or it stands here twice"))
}

/// Refuses those for which there is no room, the last ones first.
fn check_quota(judged: &mut Judged, left: i64, quota: i64) {
    let good = judged.iter_mut().filter(|item| item.is_ok());
    for item in good.skip(usize::try_from(left).unwrap_or(0)) {
        *item = Err(problems::quota(quota));
    }
}

/// Runs what is due at once, and records what was made.
async fn finish((cx, tx): In<'_>, who: &Who, created: Vec<(Uuid, usize)>) -> Result<Vec<CreatedItem>> {
    let ids: Vec<Uuid> = created.iter().map(|(id, _)| *id).collect();
    let mut due = lock_many(tx, &ids).await?;
    due.retain(|row| row.is_due(tx.now()));
    if !due.is_empty() {
        write_due(tx, cx.registry()?, &due, Waiting::Ends).await?;
    }
    let rows = read::find_many(tx, &ids).await?;
    let places: HashMap<Uuid, usize> = created.into_iter().collect();
    let items = rows.iter().map(|row| CreatedItem {
        index: places.get(&row.id).copied().unwrap_or_default(),
        schedule_id: row.id,
        name: row.name.clone(),
        status: row.state.clone(),
        next_run_at: row.next_run_at,
    });
    let mut items: Vec<CreatedItem> = items.collect();
    items.sort_by_key(|item| item.index);
    let views = ScheduleView::of_many(tx, rows).await?;
    let after = views.iter().map(ScheduleView::for_audit).collect::<Result<Vec<Value>>>()?;
    let changes = views.iter().zip(&after).map(|(view, after)| audit::Change {
        actor: &who.actor,
        label: who.label.as_deref(),
        action: "schedule.create",
        target: format!("schedule:{}", view.id),
        before: None,
        after: Some(after),
    });
    audit::record_many(tx, &changes.collect::<Vec<_>>()).await?;
    Ok(items)
}

/// One refusal for all: of their kind when they have one, with all their faults.
fn together(failed: Vec<Problem>, asked: usize) -> Problem {
    let kind = failed.first().map_or(&kinds::VALIDATION_FAILED, Problem::kind);
    if kind.slug == problems::QUOTA.slug {
        return failed.into_iter().next().unwrap_or_else(|| Problem::new(kind));
    }
    let same = failed.iter().all(|problem| problem.is(kind));
    let kind = if same { kind } else { &kinds::VALIDATION_FAILED };
    let detail = format!("{} of {asked} schedules cannot be created: none was", failed.len());
    let faults = failed.iter().flat_map(Problem::errors).take(MOST_FAULTS);
    faults.fold(Problem::new(kind).detail(detail), |all, fault| all.field(&fault.pointer, &fault.message))
}
