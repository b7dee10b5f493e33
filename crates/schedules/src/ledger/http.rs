//! `GET /api/v1/schedules/{id}/ledger`.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use edge::{Authenticated, PageQuery, Paged, Path, Query, Reply};
use garde::Validate;
use kernel::Page;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Entry;
use crate::{Schedules, change::not_found, problems, read};

/// The range when `from` is not given.
const LOOK_BACK: TimeDelta = TimeDelta::days(1);
/// The longest range.
const LONGEST: TimeDelta = TimeDelta::days(3660);

/// The route.
pub(crate) fn routes() -> OpenApiRouter<Schedules> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Which due times.
#[derive(Deserialize, Validate, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Range {
    /// Only due times after this instant; a day before `to` when it is not given.
    #[garde(skip)]
    #[param(example = "2026-03-01T00:00:00Z")]
    from: Option<DateTime<Utc>>,
    /// Only due times up to this instant; now when it is not given. Later ones are listed as `upcoming`.
    #[garde(skip)]
    #[param(example = "2026-03-08T00:00:00Z")]
    to: Option<DateTime<Utc>>,
}

/// Lists every due time in a range, oldest first, with what became of it: it ran, was skipped or missed, or another run
/// stands for it, each with the reason.
///
/// Due times are those of the timing that counted at the time. Needs the permission `schedule.read`.
#[utoipa::path(get, path = "/api/v1/schedules/{id}/ledger", tag = "schedules",
    params(("id" = Uuid, Path), Range, PageQuery), responses((status = 200, body = Paged<Entry>)))]
async fn show(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Path(id): Path<Uuid>,
    Query(range): Query<Range>,
    page: PageQuery,
) -> Reply<Paged<Entry>> {
    actor.require("schedule.read")?;
    let to = range.to.unwrap_or_else(|| cx.db.clock().now());
    let from = range.from.unwrap_or(to - LOOK_BACK);
    if from > to || to - from > LONGEST {
        return Err(problems::invalid("/from", "must be before `to`, at most ten years").into());
    }
    let row = read::find(cx.db.conn(), id).await?.ok_or_else(|| not_found(id.into()))?;
    let after = page.position()?.unwrap_or(from).max(from);
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let entries = super::list(&cx.db, &row, (after, to), limit.saturating_add(1)).await?;
    Ok(page.answer(Page::cut(entries, page.limit, |entry| entry.due_at)))
}
