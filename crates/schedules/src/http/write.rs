//! Changing and deleting a schedule.

use axum::{
    extract::{Request, State},
    http::StatusCode,
};
use edge::{IfMatch, IfMatchHeader, LabelHeaders, Path, ProblemDetails, Reply};
use kernel::{Problem, kinds};
use store::Tx;
use uuid::Uuid;

use super::{
    PROBLEM, fields,
    request::{ScheduleRequest, merge},
    view::ScheduleView,
};
use crate::{Schedules, operations, who::Who};

/// Replaces a schedule. Needs `schedule.write` for one's own, `schedule.admin` for others.
///
/// What is not given gets its default. It counts at once: what was due before ran, or was missed, by what counted then.
#[utoipa::path(put, path = "/api/v1/schedules/{id}", tag = "schedules",
    params(("id" = Uuid, Path), IfMatchHeader, LabelHeaders), request_body = ScheduleRequest,
    responses((status = 200, body = ScheduleView, headers(("ETag" = String))),
        (status = 409, body = ProblemDetails, content_type = PROBLEM, description = "`schedule-name-taken`; `schedule-state`: the code declares it")))]
pub(super) async fn replace(
    State(cx): State<Schedules>,
    by: (Who, Option<IfMatch>),
    Path(id): Path<Uuid>,
    request: Request,
) -> Reply<ScheduleView> {
    let (who, seen) = by;
    let seen = seen.ok_or_else(|| Problem::new(&kinds::PRECONDITION_REQUIRED))?;
    let given = ScheduleRequest::read(fields(request).await?);
    let work = async |tx: Tx| {
        let held = operations::hold((&cx, &tx), &who, id).await?;
        seen.check(held.row.version)?;
        operations::replace((&cx, &tx), &who, (&held, &given)).await
    };
    Ok(cx.db.tx(work).await?)
}

/// Changes some fields of a schedule. Needs `schedule.write` for one's own, `schedule.admin` for others.
///
/// A JSON merge patch (RFC 7396) over what was given: null takes a field back, which then has its default. What is given of the
/// rhythm (such as `interval_seconds`) or of the target (such as `job`) takes the place of the present one.
#[utoipa::path(patch, path = "/api/v1/schedules/{id}", tag = "schedules",
    params(("id" = Uuid, Path), IfMatchHeader, LabelHeaders),
    request_body(content(
        (ScheduleRequest = "application/merge-patch+json", example = json!({"cron_expression": "0 7 * * *", "max_runs": null})),
        (ScheduleRequest = "application/json", example = json!({"priority": 8, "tags": ["reports", "finance"]})))),
    responses((status = 200, body = ScheduleView, headers(("ETag" = String))),
        (status = 409, body = ProblemDetails, content_type = PROBLEM, description = "`schedule-name-taken`; `schedule-state`: the code declares it")))]
pub(super) async fn change(
    State(cx): State<Schedules>,
    by: (Who, Option<IfMatch>),
    Path(id): Path<Uuid>,
    request: Request,
) -> Reply<ScheduleView> {
    let (who, seen) = by;
    let seen = seen.ok_or_else(|| Problem::new(&kinds::PRECONDITION_REQUIRED))?;
    let patch = fields(request).await?;
    let work = async |tx: Tx| {
        let held = operations::hold((&cx, &tx), &who, id).await?;
        seen.check(held.row.version)?;
        let given = ScheduleRequest::read(merge(operations::given(&held)?, patch.clone()));
        operations::replace((&cx, &tx), &who, (&held, &given)).await
    };
    Ok(cx.db.tx(work).await?)
}

/// Deletes a schedule: its name becomes free, what waits of it is cancelled, and its history stays.
///
/// Needs `schedule.write` for one's own, `schedule.admin` for others.
#[utoipa::path(delete, path = "/api/v1/schedules/{id}", tag = "schedules",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "Only this version is deleted", example = "\"7\""), LabelHeaders),
    responses((status = 204, description = "It is deleted"),
        (status = 409, body = ProblemDetails, content_type = PROBLEM, description = "`schedule-state`: the code declares it")))]
pub(super) async fn delete(
    State(cx): State<Schedules>,
    by: (Who, Option<IfMatch>),
    Path(id): Path<Uuid>,
) -> Reply<StatusCode> {
    let (who, seen) = by;
    let work = async |tx: Tx| {
        let held = operations::hold((&cx, &tx), &who, id).await?;
        if let Some(seen) = &seen {
            seen.check(held.row.version)?;
        }
        operations::delete((&cx, &tx), &who, &held).await
    };
    cx.db.tx(work).await?;
    Ok(StatusCode::NO_CONTENT)
}
