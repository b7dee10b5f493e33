//! The executions of one schedule.

use axum::extract::State;
use chrono::{DateTime, Utc};
use edge::{Authenticated, PageQuery, Paged, Path, Reply};
use kernel::Page;
use sea_orm::FromQueryResult;
use serde::Serialize;
use store::Sql;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Schedules, change::not_found, read};

/// One execution of a schedule, in short; `/api/v1/executions/{id}` has everything.
#[derive(Clone, Debug, FromQueryResult, Serialize, ToSchema)]
#[schema(as = ScheduleExecution)]
pub(super) struct RunView {
    id: Uuid,
    /// `queued`, `running`, `succeeded`, `failed`, `cancelled`, `skipped` or `missed`.
    #[schema(example = "succeeded")]
    state: String,
    /// `schedule`, `manual`, `chain`, `retry` or `backfill`.
    #[schema(example = "schedule")]
    trigger: String,
    /// Who or what caused it.
    triggered_by: Option<String>,
    /// The due time that it is.
    scheduled_for: Option<DateTime<Utc>>,
    /// It stands for the due times up to this one as well.
    covers_to: Option<DateTime<Utc>>,
    /// When it runs, or ran, at the earliest.
    run_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    duration_ms: Option<i64>,
    #[schema(minimum = 0, maximum = 1000)]
    attempt: i32,
    #[schema(minimum = 1, maximum = 1000)]
    max_attempts: i32,
    /// What it says of itself, or why it was left out.
    message: Option<String>,
    /// Shared by all runs of a chain.
    correlation_id: String,
    created_at: DateTime<Utc>,
}

/// Lists the executions of a schedule, newest first. Needs the permission `schedule.read`.
#[utoipa::path(get, path = "/api/v1/schedules/{id}/executions", tag = "schedules", params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = Paged<RunView>)))]
pub(super) async fn list_executions(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Path(id): Path<Uuid>,
    page: PageQuery,
) -> Reply<Paged<RunView>> {
    actor.require("schedule.read")?;
    read::find(cx.db.conn(), id).await?.ok_or_else(|| not_found(id.into()))?;
    let below: Uuid = page.position()?.unwrap_or(Uuid::max());
    let rows: Vec<RunView> =
        cx.db.conn().query(LIST, [id.into(), below.into(), (page.limit as i64 + 1).into()]).await?;
    Ok(page.answer(Page::cut(rows, page.limit, |run| run.id)))
}

/// Each branch is read from an index of its own, in the order of the answer: what has ended, and what has not.
const LIST: &str = "
select id, state, trigger, triggered_by, scheduled_for, covers_to, run_at, started_at, finished_at, duration_ms, attempt,
       max_attempts, message, correlation_id, created_at
from (
    (select * from executions where schedule_id is not null and schedule_id = $1 and finished_at is not null and id < $2
     order by id desc limit $3)
    union all
    (select * from executions where schedule_id is not null and schedule_id = $1 and state in ('queued', 'running')
       and finished_at is null and id < $2
     order by id desc limit $3)
) e
order by id desc limit $3";
