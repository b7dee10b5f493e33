//! Lists of executions.

use axum::extract::State;
use chrono::TimeDelta;
use edge::{Authenticated, PageQuery, Paged, Path, Query, Reply};
use kernel::{Problem, kinds};
use uuid::Uuid;

use super::{
    READ,
    query::{FilterParams, Hours, Pairs},
    view::RowView,
};
use crate::{
    Executions,
    filter::{Filter, fault_of},
    listing, names,
    recent::{self, Place},
};

/// Lists executions, newest first.
///
/// All filters must match. A page takes as long however deep it is. A filter that matches little among much (`kind`, `queue`,
/// `trigger`, `text`, a window of starts, or `succeeded`, without a schedule, a chain or another state) is looked for during
/// two seconds: then the page is shorter than `limit` and its `next_cursor` goes on from there. It was the last page when
/// `next_cursor` is null.
#[utoipa::path(get, path = "/api/v1/executions", tag = "executions", params(FilterParams, PageQuery),
    responses((status = 200, body = Paged<RowView>)))]
pub(super) async fn list(
    State(executions): State<Executions>,
    Authenticated(actor): Authenticated,
    Query(Pairs(pairs)): Query<Pairs>,
    page: PageQuery,
) -> Reply<Paged<RowView>> {
    actor.require(READ)?;
    let filter = Filter::from_pairs(&pairs)?;
    let found = listing::list(&executions.db, &filter, page.position::<Uuid>()?, page.limit).await?;
    Ok(page.answer(found.map(RowView::from)))
}

/// Lists what runs right now, newest first.
#[utoipa::path(get, path = "/api/v1/executions/running", tag = "executions", params(PageQuery),
    responses((status = 200, body = Paged<RowView>)))]
pub(super) async fn running(
    State(executions): State<Executions>,
    Authenticated(actor): Authenticated,
    page: PageQuery,
) -> Reply<Paged<RowView>> {
    actor.require(READ)?;
    let filter = Filter { states: vec![names::State::Running], ..Filter::default() };
    let found = listing::list(&executions.db, &filter, page.position::<Uuid>()?, page.limit).await?;
    Ok(page.answer(found.map(RowView::from)))
}

/// Lists what ended in the last hours, the latest end first.
///
/// Due times that were skipped or missed are among them.
#[utoipa::path(get, path = "/api/v1/executions/recent", tag = "executions", params(Hours, PageQuery),
    responses((status = 200, body = Paged<RowView>)))]
pub(super) async fn recent(
    State(executions): State<Executions>,
    Authenticated(actor): Authenticated,
    Query(Hours { hours }): Query<Hours>,
    page: PageQuery,
) -> Reply<Paged<RowView>> {
    actor.require(READ)?;
    let since = executions.db.clock().now() - TimeDelta::hours(hours);
    let found = recent::recent(&executions.db, since, page.position::<Place>()?, page.limit).await?;
    Ok(page.answer(found.map(RowView::from)))
}

/// Lists a chain: every execution with this correlation id, oldest first.
///
/// It is the id of the request that began the chain (`X-Request-Id`), or the id of its first execution. An execution that
/// stands alone is found by its own id. Nothing has an unknown id: then the list is empty.
#[utoipa::path(get, path = "/api/v1/executions/by-correlation/{id}", tag = "executions",
    params(("id" = String, Path, min_length = 1, max_length = 200, example = "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e"), PageQuery),
    responses((status = 200, body = Paged<RowView>)))]
pub(super) async fn by_correlation(
    State(executions): State<Executions>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    page: PageQuery,
) -> Reply<Paged<RowView>> {
    actor.require(READ)?;
    if let Some(fault) = fault_of(&id) {
        return Err(Problem::new(&kinds::VALIDATION_FAILED).field("/id", fault).into());
    }
    let found = listing::chain(&executions.db, &id, page.position::<Uuid>()?, page.limit).await?;
    Ok(page.answer(found.map(RowView::from)))
}
