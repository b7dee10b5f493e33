//! One schedule, and when it runs next.

use axum::extract::State;
use chrono::{DateTime, Utc};
use edge::{Authenticated, Json, Path, Query, Reply};
use garde::Validate;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    preview::{MOST, Preview},
    view::ScheduleView,
};
use crate::{Schedules, change::not_found, problems, read};

/// Shows a schedule. Needs the permission `schedule.read`.
#[utoipa::path(get, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = Uuid, Path)),
    responses((status = 200, body = ScheduleView, headers(("ETag" = String)))))]
pub(super) async fn show(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Path(id): Path<Uuid>,
) -> Reply<ScheduleView> {
    actor.require("schedule.read")?;
    let row = read::find(cx.db.conn(), id).await?.ok_or_else(|| not_found(id.into()))?;
    Ok(ScheduleView::of(cx.db.conn(), row).await?)
}

/// Which of its runs.
#[derive(Deserialize, Validate, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Upcoming {
    /// How many.
    #[garde(inner(range(min = 1, max = MOST)))]
    #[param(minimum = 1, maximum = 1000, default = 10)]
    count: Option<u32>,
    /// Strictly after this instant; now when it is not given.
    #[garde(skip)]
    #[param(example = "2026-03-28T00:00:00Z")]
    from: Option<DateTime<Utc>>,
}

/// Lists the next runs of a schedule, in UTC and by its own clock. Needs the permission `schedule.read`.
///
/// Those that a change of the clock or a calendar moves are marked; due times that have no run because of either are listed
/// as `dropped`. There are fewer items when the schedule ends before. A paused schedule is shown as if it were resumed.
#[utoipa::path(get, path = "/api/v1/schedules/{id}/preview", tag = "schedules", params(("id" = Uuid, Path), Upcoming),
    responses((status = 200, body = Preview)))]
pub(super) async fn upcoming(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Path(id): Path<Uuid>,
    Query(wanted): Query<Upcoming>,
) -> Reply<Json<Preview>> {
    actor.require("schedule.read")?;
    let row = read::find(cx.db.conn(), id).await?.ok_or_else(|| not_found(id.into()))?;
    let spec = row.stored_timing().and_then(|timing| crate::cache::spec(&timing));
    let spec = spec.map_err(|reason| problems::state("not valid", "be previewed").with("reason", reason))?;
    let left = row.max_runs.map_or(i64::MAX, |most| (i64::from(most) - row.run_count).max(0));
    let count = i64::from(wanted.count.unwrap_or(10)).min(left);
    let from = wanted.from.unwrap_or_else(|| cx.db.clock().now());
    Ok(Json(Preview::of(&spec, from, usize::try_from(count).unwrap_or(0))))
}
