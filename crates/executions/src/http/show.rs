//! One execution.

use axum::extract::State;
use edge::{Authenticated, Json, Path, Reply};
use kernel::{ExecutionId, Result};

use super::{READ, view::WholeView};
use crate::{Executions, listing, row};

/// How many others of its chain are named.
const OTHERS: u64 = 100;

/// Shows an execution: what it was given, what it came to, every attempt, and why it ran.
#[utoipa::path(get, path = "/api/v1/executions/{id}", tag = "executions", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = WholeView)))]
pub(super) async fn show(
    State(executions): State<Executions>,
    Authenticated(actor): Authenticated,
    Path(id): Path<ExecutionId>,
) -> Reply<Json<WholeView>> {
    actor.require(READ)?;
    Ok(Json(whole(&executions, id).await?))
}

/// The view of `id`, as it stands now.
///
/// # Errors
/// `not-found`.
pub(super) async fn whole(executions: &Executions, id: ExecutionId) -> Result<WholeView> {
    let whole = row::find(&executions.db, id).await?;
    let chain = listing::chain(&executions.db, &whole.row.correlation_id, None, OTHERS + 1).await?;
    let others = chain.items.into_iter().map(|row| row.id).filter(|other| *other != id.0);
    Ok(WholeView::new(whole, others.take(OTHERS as usize).collect()))
}
