//! Pausing, resuming and running a schedule by hand.

use axum::extract::{FromRequest, Request, State};
use edge::{Accepted, IdempotencyKey, Json, LabelHeaders, Path, ProblemDetails, Reply};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Tx;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PROBLEM, request::has_nul, view::ScheduleView};
use crate::{Schedules, operations, problems, who::Who};

/// Why a schedule is paused.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "the warehouse moves"}))]
pub(super) struct Pause {
    /// Each due time that is skipped tells it.
    #[garde(length(chars, min = 1, max = 500), custom(readable))]
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

fn readable<C>(text: &str, _: &C) -> garde::Result {
    if text.trim().is_empty() || text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(garde::Error::new("must be a text that people can read"));
    }
    Ok(())
}

/// Pauses a schedule: due times until it is resumed are skipped, with the reason.
///
/// Needs `schedule.write` for one's own, `schedule.admin` for others.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/pause", tag = "schedules", params(("id" = Uuid, Path), LabelHeaders),
    request_body = Pause,
    responses((status = 200, body = ScheduleView, headers(("ETag" = String))),
        (status = 409, body = ProblemDetails, content_type = PROBLEM, description = "`schedule-state`: it is not active")))]
pub(super) async fn pause(
    State(cx): State<Schedules>,
    who: Who,
    Path(id): Path<Uuid>,
    request: Request,
) -> Reply<ScheduleView> {
    let Json(Pause { reason }) = Json::from_request(request, &()).await?;
    let work = async |tx: Tx| {
        let held = operations::hold((&cx, &tx), &who, id).await?;
        operations::pause((&cx, &tx), &who, (&held, &reason)).await
    };
    Ok(cx.db.tx(work).await?)
}

/// Resumes a schedule, from its next due time on: what was due while it was paused stays skipped.
///
/// Needs `schedule.write` for one's own, `schedule.admin` for others.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/resume", tag = "schedules", params(("id" = Uuid, Path), LabelHeaders),
    responses((status = 200, body = ScheduleView, headers(("ETag" = String))),
        (status = 409, body = ProblemDetails, content_type = PROBLEM, description = "`schedule-state`: it is not paused")))]
pub(super) async fn resume(State(cx): State<Schedules>, who: Who, Path(id): Path<Uuid>) -> Reply<ScheduleView> {
    let work = async |tx: Tx| {
        let held = operations::hold((&cx, &tx), &who, id).await?;
        operations::resume((&cx, &tx), &who, &held).await
    };
    Ok(cx.db.tx(work).await?)
}

/// What a single run gets.
#[derive(Default, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = RunGiven, example = json!({"payload": {"sleep_ms": 10}}))]
pub(super) struct Run {
    /// Takes the place of the schedule's arguments or payload.
    #[garde(skip)]
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
}

/// A run that was asked for.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "execution_id": "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e", "schedule_id": "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8f",
    "status": "queued"
}))]
pub(super) struct Triggered {
    /// Watch `/api/v1/executions/{execution_id}`.
    execution_id: Uuid,
    schedule_id: Uuid,
    status: &'static str,
}

/// Runs a schedule now, beside its due times, even if it is paused. The overlap rule and the lock of an exclusive job count.
///
/// Needs `schedule.write` for one's own, `schedule.admin` for others.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/trigger", tag = "schedules",
    params(("id" = Uuid, Path), IdempotencyKey, LabelHeaders), request_body = Option<Run>,
    responses((status = 202, body = Triggered, headers(("Location" = String, description = "The execution"))),
        (status = 409, body = ProblemDetails, content_type = PROBLEM, description = "`schedule-busy`: a run is not over; `schedule-state`; or a key in flight")))]
pub(super) async fn trigger(
    State(cx): State<Schedules>,
    who: Who,
    Path(id): Path<Uuid>,
    request: Request,
) -> Reply<Accepted<Triggered>> {
    let run: Option<Json<Run>> = Option::<Json<Run>>::from_request(request, &()).await?;
    let payload = run.and_then(|Json(run)| run.payload);
    if payload.as_ref().is_some_and(has_nul) {
        return Err(problems::invalid("/payload", "has a NUL character in a text").into());
    }
    let work = async |tx: Tx| operations::trigger((&cx, &tx), &who, (id.into(), payload.clone())).await;
    let execution = cx.db.tx(work).await?;
    let location = format!("/api/v1/executions/{execution}");
    Ok(Accepted { location, body: Triggered { execution_id: execution.0, schedule_id: id, status: "queued" } })
}
