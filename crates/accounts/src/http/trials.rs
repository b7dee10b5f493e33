//! Trials: asking for one's own, and granting them to all free readers.

use axum::extract::{FromRequest, Request, State};
use edge::{Accepted, Authenticated, IdempotencyKey, Json, Label, LabelHeaders, Person, Reply, TaskView};
use garde::Validate;
use serde::Deserialize;
use store::Tx;
use utoipa::ToSchema;

use super::view::accepted;
use crate::{Accounts, api_key::By};

/// Asks for the trial of the plan basic, which a reader on the free plan can have once ever.
///
/// It begins some seconds later; watch the task. A mail tells how long it lasts. Should the task fail or be cancelled, it
/// can be asked for again. A new account for the same address brings no second trial.
#[utoipa::path(post, path = "/api/v1/trials", tag = "plans", params(IdempotencyKey),
    responses((status = 202, body = TaskView, headers(("Location" = String))),
        (status = 403, body = edge::ProblemDetails, content_type = "application/problem+json", description = "Trials are for readers"),
        (status = 409, body = edge::ProblemDetails, content_type = "application/problem+json", description = "`trial-used` or `trial-not-free`")))]
pub(super) async fn request_trial(
    State(accounts): State<Accounts>,
    Person(actor): Person,
) -> Reply<Accepted<TaskView>> {
    let enqueued = accounts.db.tx(async |tx: Tx| accounts.request_trial(&tx, actor.user_id).await).await?;
    Ok(accepted(enqueued, accounts.db.clock().now()))
}

/// Who is to get a trial.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Campaign {
    #[garde(skip)]
    audience: Audience,
}

/// A group of readers.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Audience {
    /// Every reader on the free plan with a confirmed address who never had a trial.
    AllFree,
}

/// Grants trials to many readers. Needs the permission `trial.grant`.
///
/// While one such grant waits or runs, the answer names that one. Each reader gets a mail.
#[utoipa::path(post, path = "/api/v1/admin/trials", tag = "plans", params(IdempotencyKey, LabelHeaders), request_body = Campaign,
    responses((status = 202, body = TaskView, headers(("Location" = String)))))]
pub(super) async fn grant_trials(
    State(accounts): State<Accounts>,
    Authenticated(actor): Authenticated,
    label: Label,
    request: Request,
) -> Reply<Accepted<TaskView>> {
    actor.require("trial.grant")?; // before the body is looked at
    let Json(Campaign { audience: Audience::AllFree }) = Json::from_request(request, &()).await?;
    let enqueued = accounts
        .db
        .tx(async |tx: Tx| accounts.request_trials(&tx, By { actor: &actor, label: label.as_deref() }).await)
        .await?;
    Ok(accepted(enqueued, accounts.db.clock().now()))
}
