//! Asking for the summary of a book, and reading it.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use edge::{IdempotencyKey, Json, Path, Person, Reply, TaskView};
use kernel::{BookId, Problem};
use store::Tx;

use super::view::{SummaryView, accepted};
use crate::{
    Books, problems,
    summary::{self, Asked, Standing},
};

/// Asks for the summary of a book.
///
/// It takes one unit of the reader's quota once per book, however often they ask. The summary is made a few seconds
/// later, once for all readers who wait for it: watch the task. If it cannot be made, everybody gets their unit back.
#[utoipa::path(post, path = "/api/v1/books/{id}/summary", tag = "summaries",
    params(("id" = uuid::Uuid, Path), IdempotencyKey),
    responses(
        (status = 200, description = "It is there", body = SummaryView),
        (status = 202, description = "It is in the making", body = TaskView, headers(("Location" = String, description = "The task"))),
        (status = 403, description = "`usage-limit-reached`: the plan has no summary left in this period", body = edge::ProblemDetails, content_type = "application/problem+json"),
    ))]
pub(super) async fn request(
    State(books): State<Books>,
    Person(actor): Person,
    Path(id): Path<BookId>,
) -> Reply<Response> {
    let reader = actor.user_id;
    // Who asks again is answered without a lock.
    let asked = match summary::await_of(&books.db, reader, id).await? {
        Standing::Ready(summary) => Asked::Ready(summary),
        Standing::Making(making) => Asked::Making(making),
        Standing::Failed | Standing::NotAsked => {
            books.db.tx(async |tx: Tx| summary::ask(&tx, reader, id, books.delay).await).await?
        }
    };
    Ok(match asked {
        Asked::Ready(summary) => Json(SummaryView::new(id, *summary)).into_response(),
        Asked::Making(making) => accepted(&making, books.db.clock().now()).into_response(),
    })
}

/// Reads the summary of a book that the reader has asked for.
#[utoipa::path(get, path = "/api/v1/books/{id}/summary", tag = "summaries", params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = SummaryView),
        (status = 202, description = "It is in the making", body = TaskView, headers(("Location" = String, description = "The task"))),
        (status = 404, description = "`summary-not-requested`: ask for it first", body = edge::ProblemDetails, content_type = "application/problem+json"),
    ))]
pub(super) async fn show(State(books): State<Books>, Person(actor): Person, Path(id): Path<BookId>) -> Reply<Response> {
    match summary::await_of(&books.db, actor.user_id, id).await? {
        Standing::Ready(summary) => Ok(Json(SummaryView::new(id, *summary)).into_response()),
        Standing::Making(making) => Ok(accepted(&making, books.db.clock().now()).into_response()),
        Standing::Failed => Err(refusal("It could not be made, and your unit is given back. You can ask again.")),
        Standing::NotAsked => Err(refusal("Ask for it with POST first.")),
    }
}

fn refusal(detail: &'static str) -> edge::Refusal {
    Problem::new(&problems::NOT_REQUESTED).detail(detail).into()
}
