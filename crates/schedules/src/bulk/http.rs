//! `/api/v1/schedules/bulk/…`.

use axum::{
    extract::{FromRequest as _, Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use edge::{
    Accepted, Authenticated, IdempotencyKey, Json, LabelHeaders, PROBLEM_JSON, Path, ProblemDetails, Query, Reply,
    TaskView,
};
use jobs::{Enqueue, Job as _};
use kernel::{Problem, Result, kinds};
use store::Tx;
use uuid::Uuid;

use super::{
    apply::{apply, record_refused},
    create::{create_all, create_some},
    outcome::{Answered, CreatedView, DryRun, OutcomeView, TaskOutcome},
    progress,
    request::{Act, BulkCreate, BulkOperate, FilterGiven, Partial},
    task::{Asker, BulkOperation},
};
use crate::{Schedules, listing, read, who::Who};

/// Ids that a dry run shows.
const SHOWN: usize = 100;

/// Creates up to 1000 schedules. Needs the permission `schedule.write`.
///
/// All or none: what is wrong with any of them is told by its place, such as `/schedules/3/name`. With `partial=true` those that
/// can be created are, and `failed` says why the others were not. The body may have up to 4 MiB. It counts as one request.
#[utoipa::path(post, path = "/api/v1/schedules/bulk/create", tag = "schedules", params(Partial, IdempotencyKey, LabelHeaders),
    request_body = BulkCreate,
    responses((status = 201, body = CreatedView, description = "All are created"),
        (status = 200, body = CreatedView, description = "With `partial`: not all are created"),
        (status = 409, body = ProblemDetails, content_type = PROBLEM_JSON, description = "`schedule-name-taken`, `schedule-quota`, or a key in flight: none is created")))]
pub(super) async fn create_many(
    State(cx): State<Schedules>,
    who: Who,
    Query(Partial { partial }): Query<Partial>,
    request: Request,
) -> Reply<(StatusCode, Json<CreatedView>)> {
    let Json(BulkCreate { schedules }) = Json::from_request(request, &()).await?;
    let created = if partial {
        cx.db.tx(async |tx: Tx| create_some((&cx, &tx), &who, &schedules).await).await?
    } else {
        cx.db.tx(async |tx: Tx| create_all((&cx, &tx), &who, &schedules).await).await?
    };
    let status = if created.failed.is_empty() { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(created)))
}

/// Pauses, resumes, triggers, deletes or tags many schedules. Needs `schedule.write` for one's own, `schedule.admin` for others.
///
/// Each is judged by itself: one that may not be changed, or whose state does not allow it, stops no other. By ids it is done
/// with the answer, all in one go. By a filter it is a task, which acts on all that match, in batches; how it went is at
/// `GET /api/v1/schedules/bulk/operations/{id}`. It counts as one request.
#[utoipa::path(post, path = "/api/v1/schedules/bulk/operation", tag = "schedules", params(IdempotencyKey, LabelHeaders),
    request_body(content = BulkOperate, examples(
        ("ids" = (summary = "By ids", value = json!({"operation": "pause", "schedule_ids": ["0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e"], "reason": "the warehouse moves"}))),
        ("filter" = (summary = "By a filter", value = json!({"operation": "resume", "filter": {"creator": "me", "status": "paused"}}))),
        ("tag" = (summary = "Tags", value = json!({"operation": "tag", "filter": {"tags": ["draft"]}, "tags": {"add": ["finance"], "remove": ["draft"]}}))),
        ("dry_run" = (summary = "Only look", value = json!({"operation": "delete", "filter": {"text": "import"}, "dry_run": true}))))),
    responses((status = 200, body = Answered, description = "By ids: what became of each. With `dry_run`: what matches"),
        (status = 202, body = TaskView, headers(("Location" = String, description = "The task")), description = "By a filter")))]
pub(super) async fn operate(State(cx): State<Schedules>, who: Who, request: Request) -> Reply<Response> {
    let Json(given): Json<BulkOperate> = Json::from_request(request, &()).await?;
    let act = given.act()?;
    match (given.schedule_ids, given.filter) {
        (Some(ids), _) if given.dry_run => {
            let schedule_ids: Vec<Uuid> = read::find_many(cx.db.conn(), &ids).await?.iter().map(|row| row.id).collect();
            let matched = schedule_ids.len() as i64;
            let schedule_ids = schedule_ids.into_iter().take(SHOWN).collect();
            Ok(Json(Answered::Looked(DryRun { dry_run: true, matched, schedule_ids })).into_response())
        }
        (Some(ids), _) => Ok(Json(Answered::Done(by_ids(&cx, &who, (&act, &ids)).await?)).into_response()),
        (None, filter) => {
            let filter = filter.unwrap_or_default().of(&who.actor.identity())?;
            if given.dry_run {
                return Ok(Json(Answered::Looked(look(&cx, &filter).await?)).into_response());
            }
            Ok(by_filter(&cx, &who, (act, filter)).await?.into_response())
        }
    }
}

async fn by_ids(cx: &Schedules, who: &Who, (act, ids): (&Act, &[Uuid])) -> Result<OutcomeView> {
    let work = cx.db.tx(async |tx: Tx| {
        let outcome = apply((cx, &tx), who, (act, ids)).await?;
        record_refused((&tx, who), act.operation, &outcome.failed).await?;
        Ok(outcome)
    });
    let mut outcome = work.await?;
    let place = |id: &Uuid| ids.iter().position(|asked| asked == id);
    outcome.done.sort_by_cached_key(|done| place(&done.schedule_id));
    outcome.failed.sort_by_cached_key(|(id, _)| place(id));
    Ok(outcome.into())
}

async fn look(cx: &Schedules, given: &FilterGiven) -> Result<DryRun> {
    let (filter, now) = (given.filter(), cx.db.clock().now());
    let matched = listing::count(cx.db.conn(), &filter, now).await?;
    let schedule_ids = listing::ids(cx.db.conn(), &filter, (now, Uuid::nil()), SHOWN).await?;
    Ok(DryRun { dry_run: true, matched, schedule_ids })
}

async fn by_filter(cx: &Schedules, who: &Who, (act, filter): (Act, FilterGiven)) -> Result<Accepted<TaskView>> {
    let enqueued = cx.db.tx(async |tx: Tx| {
        let job = BulkOperation { act: act.clone(), filter: filter.clone(), asked_at: tx.now(), by: Asker::from(who) };
        jobs::enqueue(&tx, &job, Enqueue::now().by(who.actor.identity())).await
    });
    let enqueued = enqueued.await?;
    Ok(TaskView { task_id: enqueued.id.0, status: "queued", run_at: enqueued.run_at }.into())
}

/// Shows how a bulk operation by filter goes, or went. Needs the permission `schedule.read`.
#[utoipa::path(get, path = "/api/v1/schedules/bulk/operations/{id}", tag = "schedules",
    params(("id" = Uuid, Path, description = "The task")), responses((status = 200, body = TaskOutcome)))]
pub(super) async fn show_operation(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Path(id): Path<Uuid>,
) -> Reply<Json<TaskOutcome>> {
    actor.require("schedule.read")?;
    let found = progress::show(cx.db.conn(), (BulkOperation::KIND, id)).await?;
    Ok(Json(found.ok_or_else(|| Problem::new(&kinds::NOT_FOUND).detail("there is no such operation"))?))
}
