//! Looking at jobs and at what became of their due times.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use edge::{Authenticated, Json, PageQuery, Paged, Path, Query, Reply};
use kernel::Page;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    READ,
    query::{Back, Pages},
    rows,
    view::{ExecutionView, JobView},
};
use crate::Schedules;

/// Lists the jobs that the code declares, by name.
///
/// Needs the permission `scheduled_job.read`.
#[utoipa::path(get, path = "/api/v1/scheduled-jobs", tag = "scheduled-jobs", params(PageQuery),
    responses((status = 200, body = Paged<JobView>)))]
pub(super) async fn list(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    page: PageQuery,
) -> Reply<Paged<JobView>> {
    actor.require(READ)?;
    let sql = cx.db.conn();
    let found = rows::list(sql, page.position()?, page.limit + 1).await?;
    let found = Page::cut(found, page.limit, |row| row.name.clone());
    let latest = rows::latest(sql, found.items.iter().map(|row| row.id).collect()).await?;
    let view = |row: rows::JobRow| {
        let latest = latest.get(&row.id);
        JobView::of(row, latest, &actor)
    };
    Ok(page.answer(found.map(view)))
}

/// Shows a job.
///
/// Needs the permission `scheduled_job.read`.
#[utoipa::path(get, path = "/api/v1/scheduled-jobs/{job_id}", tag = "scheduled-jobs",
    params(("job_id" = String, Path, description = "Its name", max_length = 255, example = "delete_old_job_executions")),
    responses((status = 200, body = JobView)))]
pub(super) async fn show(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Path(job_id): Path<String>,
) -> Reply<Json<JobView>> {
    actor.require(READ)?;
    let row = rows::find(cx.db.conn(), &job_id).await?;
    let latest = rows::latest(cx.db.conn(), vec![row.id]).await?;
    Ok(Json(JobView::of(row, latest.values().next(), &actor)))
}

/// One page of a job's history.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduledJobHistory)]
pub(super) struct History {
    /// At most `limit` executions.
    items: Vec<ExecutionView>,
    #[schema(minimum = 1, maximum = 1_000_000, example = 1)]
    page: u64,
    #[schema(minimum = 1, maximum = 200, example = 50)]
    limit: u64,
    /// How many executions there are.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 1)]
    total: i64,
}

/// Lists what became of a job's due times and of the runs that were asked for, the newest first.
///
/// Needs the permission `scheduled_job.read`; the traces of errors are for holders of `scheduled_job.execute`.
#[utoipa::path(get, path = "/api/v1/scheduled-jobs/{job_id}/history", tag = "scheduled-jobs",
    params(("job_id" = String, Path, description = "Its name", max_length = 255, example = "delete_old_job_executions"), Pages),
    responses((status = 200, body = History)))]
pub(super) async fn history(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Path(job_id): Path<String>,
    Query(Pages { page, limit }): Query<Pages>,
) -> Reply<Json<History>> {
    actor.require(READ)?;
    let row = rows::find(cx.db.conn(), &job_id).await?;
    let (found, total) = rows::history(cx.db.conn(), row.id, (page, limit)).await?;
    let items = found.into_iter().map(|row| ExecutionView::of(row, &actor)).collect();
    Ok(Json(History { items, page, limit, total }))
}

/// Lists the executions of all jobs that are not over or ended lately, the latest end first.
///
/// Needs the permission `scheduled_job.read`; the traces of errors are for holders of `scheduled_job.execute`.
#[utoipa::path(get, path = "/api/v1/scheduled-jobs/executions/recent", tag = "scheduled-jobs", params(Back, PageQuery),
    responses((status = 200, body = Paged<ExecutionView>)))]
pub(super) async fn recent(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Query(Back { hours }): Query<Back>,
    page: PageQuery,
) -> Reply<Paged<ExecutionView>> {
    actor.require(READ)?;
    let since = cx.db.clock().now() - TimeDelta::hours(hours);
    let after: Option<(DateTime<Utc>, Uuid)> = page.position()?;
    let found = rows::recent(cx.db.conn(), since, after, page.limit + 1).await?;
    let found = Page::cut(found, page.limit, |row| (row.at, row.id));
    Ok(page.answer(found.map(|row| ExecutionView::of(row, &actor))))
}
