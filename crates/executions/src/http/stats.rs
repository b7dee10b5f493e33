//! Statistics.

use axum::extract::State;
use chrono::{DateTime, Utc};
use edge::{Authenticated, Json, Path, Query, Reply};
use kernel::Result;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{READ, query::Which};
use crate::{
    Executions,
    stats::{self, Counts, Percentiles, Stats, Window},
};

/// How executions went.
#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionStats)]
pub(super) struct StatsView {
    /// The schedule, if they are of one.
    schedule_id: Option<Uuid>,
    /// When every window ends.
    at: DateTime<Utc>,
    now: OpenView,
    /// What ended in the last hour, in twelve stretches of five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    hour: Option<WindowView>,
    /// What ended in the last 24 hours, in stretches of an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<WindowView>,
    /// What ended in the last seven days, in stretches of an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    week: Option<WindowView>,
}

/// What has not ended yet.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenExecutions)]
struct OpenView {
    #[schema(minimum = 0)]
    queued: i64,
    #[schema(minimum = 0)]
    running: i64,
}

/// What ended in a window.
#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionWindow)]
struct WindowView {
    /// Ends later than this count.
    from: DateTime<Utc>,
    /// Ends up to this count.
    to: DateTime<Utc>,
    /// How many ended.
    #[schema(minimum = 0, example = 96)]
    total: i64,
    counts: CountsView,
    /// The share that succeeded of those that succeeded or failed; null when there were none.
    #[schema(minimum = 0, maximum = 1, example = 0.99)]
    success_rate: Option<f64>,
    /// From when they were due to the start of their last attempt.
    lateness_ms: PercentilesView,
    /// How long their last attempt took.
    duration_ms: PercentilesView,
    /// Oldest first, those in which nothing ended included.
    buckets: Vec<BucketView>,
}

/// How many ended in each way.
#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionCounts)]
struct CountsView {
    #[schema(minimum = 0)]
    succeeded: i64,
    #[schema(minimum = 0)]
    failed: i64,
    #[schema(minimum = 0)]
    cancelled: i64,
    #[schema(minimum = 0)]
    skipped: i64,
    #[schema(minimum = 0)]
    missed: i64,
}

/// Exact percentiles by nearest rank, in milliseconds; null when there is nothing to measure.
#[derive(Serialize, ToSchema)]
#[schema(as = Percentiles)]
struct PercentilesView {
    /// How many were measured.
    #[schema(minimum = 0, example = 96)]
    samples: i64,
    #[schema(minimum = 0, example = 4)]
    p50: Option<i64>,
    #[schema(minimum = 0, example = 40)]
    p95: Option<i64>,
    #[schema(minimum = 0, example = 210)]
    p99: Option<i64>,
}

/// What ended in a stretch of a window.
#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionBucket)]
struct BucketView {
    /// Ends later than this count.
    from: DateTime<Utc>,
    /// Ends up to this count.
    to: DateTime<Utc>,
    #[schema(minimum = 0)]
    total: i64,
    #[serde(flatten)]
    counts: CountsView,
}

/// Tells how executions went in the last hour, day and week.
///
/// Counted and measured from every single execution, when it is asked for.
#[utoipa::path(get, path = "/api/v1/executions/stats", tag = "executions", params(Which),
    responses((status = 200, body = StatsView)))]
pub(super) async fn stats(
    State(executions): State<Executions>,
    Authenticated(actor): Authenticated,
    Query(which): Query<Which>,
) -> Reply<Json<StatsView>> {
    actor.require(READ)?;
    Ok(Json(view(&executions, None, which).await?))
}

/// Tells how the executions of one schedule went in the last hour, day and week.
#[utoipa::path(get, path = "/api/v1/executions/stats/{id}", tag = "executions",
    params(("id" = uuid::Uuid, Path, description = "The schedule"), Which),
    responses((status = 200, body = StatsView)))]
pub(super) async fn stats_of_schedule(
    State(executions): State<Executions>,
    Authenticated(actor): Authenticated,
    Path(id): Path<Uuid>,
    Query(which): Query<Which>,
) -> Reply<Json<StatsView>> {
    actor.require(READ)?;
    Ok(Json(view(&executions, Some(id), which).await?))
}

async fn view(executions: &Executions, schedule_id: Option<Uuid>, which: Which) -> Result<StatsView> {
    let db = &executions.db;
    let at = db.clock().now();
    let open = stats::open(db, schedule_id).await?;
    let only = which.window.as_deref().and_then(Window::parse);
    let windows: Vec<Window> = only.map_or_else(|| Window::ALL.to_vec(), |only| vec![only]);
    let (mut hour, mut day, mut week) = (None, None, None);
    for stats in stats::of(db, schedule_id, &windows, at).await? {
        let place = match stats.window {
            Window::Hour => &mut hour,
            Window::Day => &mut day,
            Window::Week => &mut week,
        };
        *place = Some(WindowView::from(stats));
    }
    let now = OpenView { queued: open.queued, running: open.running };
    Ok(StatsView { schedule_id, at, now, hour, day, week })
}

impl From<Stats> for WindowView {
    fn from(stats: Stats) -> Self {
        let (count, width) = stats.window.buckets();
        let from = stats.until - width * count;
        let buckets = stats.buckets.into_iter().zip(0..).map(|(counts, index)| BucketView {
            from: from + width * index,
            to: from + width * (index + 1),
            total: counts.total(),
            counts: counts.into(),
        });
        Self {
            from,
            to: stats.until,
            total: stats.counts.total(),
            success_rate: stats.counts.success_rate(),
            counts: stats.counts.into(),
            lateness_ms: stats.lateness.into(),
            duration_ms: stats.duration.into(),
            buckets: buckets.collect(),
        }
    }
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> Self {
        let Counts { succeeded, failed, cancelled, skipped, missed } = counts;
        Self { succeeded, failed, cancelled, skipped, missed }
    }
}

impl From<Percentiles> for PercentilesView {
    fn from(percentiles: Percentiles) -> Self {
        let Percentiles { samples, p50, p95, p99 } = percentiles;
        Self { samples, p50, p95, p99 }
    }
}
