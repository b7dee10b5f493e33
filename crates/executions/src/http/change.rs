//! Running an execution again, and cancelling one.

use axum::{
    extract::{OptionalFromRequest as _, Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use edge::{Accepted, Authenticated, IdempotencyKey, Json, Label, LabelHeaders, Path, Reply};
use garde::Validate;
use jobs::executions::Cancelled;
use kernel::ExecutionId;
use serde::Deserialize;
use store::Tx;
use utoipa::ToSchema;

use super::{WRITE, show::whole, view::WholeView};
use crate::{
    Executions,
    act::{self, By},
};

/// Runs an execution once more.
///
/// One that failed, was cancelled, skipped or missed is queued again, with one more attempt; its earlier attempts stay in
/// `attempts`. A row that stands for a range of missed due times (`result` has `from`, `to` and `count`) runs once, not once
/// for each of them.
#[utoipa::path(post, path = "/api/v1/executions/{id}/retry", tag = "executions",
    params(("id" = uuid::Uuid, Path), IdempotencyKey, LabelHeaders),
    responses(
        (status = 202, description = "It waits to run", body = WholeView, headers(("Location" = String, description = "The task"))),
        (status = 409, description = "`execution-state`: it waits, runs or has succeeded, or another one with its unique key waits or runs", body = edge::ProblemDetails, content_type = "application/problem+json"),
    ))]
pub(super) async fn retry(
    State(executions): State<Executions>,
    Authenticated(actor): Authenticated,
    Path(id): Path<ExecutionId>,
    label: Label,
) -> Reply<Response> {
    actor.require(WRITE)?;
    let by = By { actor: &actor, label: label.as_deref() };
    executions.db.tx(async |tx: Tx| act::retry(&tx, id, by).await).await?;
    accepted(&executions, id).await
}

async fn accepted(executions: &Executions, id: ExecutionId) -> Reply<Response> {
    let body = whole(executions, id).await?;
    Ok(Accepted { location: format!("/api/v1/tasks/{id}"), body }.into_response())
}

/// Why an execution is cancelled.
#[derive(Default, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Cancel {
    /// Becomes the message of an execution that waited.
    #[garde(inner(length(chars, min = 1, max = 500), custom(storable)))]
    #[schema(min_length = 1, max_length = 500, example = "The report is not needed any more")]
    reason: Option<String>,
}

fn storable<C>(text: &str, _: &C) -> garde::Result {
    if text.contains('\0') {
        return Err(garde::Error::new("has a character that cannot be stored"));
    }
    Ok(())
}

/// Cancels an execution.
///
/// One that waits ends at once. One that runs is asked to stop: it ends as `cancelled` when its job hears of it, or as
/// `succeeded` when it was done by then.
#[utoipa::path(post, path = "/api/v1/executions/{id}/cancel", tag = "executions",
    params(("id" = uuid::Uuid, Path), IdempotencyKey, LabelHeaders), request_body = Option<Cancel>,
    responses(
        (status = 200, description = "It is cancelled", body = WholeView),
        (status = 202, description = "It runs, and was asked to stop", body = WholeView, headers(("Location" = String, description = "The task"))),
        (status = 409, description = "`execution-state`: it has ended", body = edge::ProblemDetails, content_type = "application/problem+json"),
    ))]
pub(super) async fn cancel(
    State(executions): State<Executions>,
    Authenticated(actor): Authenticated,
    Path(id): Path<ExecutionId>,
    label: Label,
    request: Request,
) -> Reply<Response> {
    actor.require(WRITE)?; // before the body is looked at
    let cancel: Option<Json<Cancel>> = Json::from_request(request, &()).await?;
    let reason = cancel.and_then(|Json(cancel)| cancel.reason);
    let by = By { actor: &actor, label: label.as_deref() };
    let cancelled = executions.db.tx(async |tx: Tx| act::cancel(&tx, id, by, reason.as_deref()).await).await?;
    match cancelled {
        Cancelled::AtOnce => Ok((StatusCode::OK, Json(whole(&executions, id).await?)).into_response()),
        Cancelled::Asked => accepted(&executions, id).await,
    }
}
