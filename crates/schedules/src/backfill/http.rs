//! `POST /api/v1/schedules/{id}/backfill`.

use axum::{
    extract::{FromRequest, Request, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use edge::{Idempotency, IdempotencyKey, Json, LabelHeaders, Path, ProblemDetails, Reply};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Tx;
use utoipa::ToSchema;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};
use uuid::Uuid;

use super::{Action, Item, plan, run};
use crate::{Schedules, change::hold, problems, who::Who};

/// The route.
pub(crate) fn routes(cx: &Schedules) -> OpenApiRouter<Schedules> {
    OpenApiRouter::new().routes(routes!(backfill).layer(Idempotency::new(cx.db.clone())))
}

/// Which past due times are to run after all.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "dry_run": true}))]
struct Backfill {
    /// The first instant of the range.
    #[garde(skip)]
    from: DateTime<Utc>,
    /// The last instant of the range; not in the future.
    #[garde(skip)]
    to: DateTime<Utc>,
    /// Only list what would run.
    #[serde(default)]
    #[garde(skip)]
    dry_run: bool,
}

/// What a backfill does, or would do.
#[derive(Serialize, ToSchema)]
struct Backfilled {
    dry_run: bool,
    /// How many of the due times run.
    #[schema(minimum = 0, maximum = 500)]
    runs: usize,
    /// Every due time of the range, at most 500.
    items: Vec<Item>,
}

/// Runs past due times after all, by the schedule's present timing; with `dry_run` lists them and changes nothing.
///
/// Each due time runs at most once: those that have run, run or wait are left alone; skipped and missed ones run. The runs
/// go side by side, as workers are free: the overlap rule is for due times as they come. At most 500 due times.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/backfill", tag = "schedules",
    params(("id" = Uuid, Path), IdempotencyKey, LabelHeaders), request_body = Backfill,
    responses((status = 200, body = Backfilled, description = "What would run"), (status = 202, body = Backfilled, description = "It runs"),
        (status = 409, body = ProblemDetails, content_type = "application/problem+json", description = "`schedule-state`")))]
async fn backfill(
    State(cx): State<Schedules>,
    Who { actor, label }: Who,
    Path(id): Path<Uuid>,
    request: Request,
) -> Reply<(StatusCode, Json<Backfilled>)> {
    let Json(Backfill { from, to, dry_run }) = Json::<Backfill>::from_request(request, &()).await?;
    if from > to {
        return Err(problems::invalid("/from", "must not be after `to`").into());
    }
    if to > cx.db.clock().now() {
        return Err(problems::invalid("/to", "must not be in the future: due times to come run by themselves").into());
    }
    let registry = cx.registry()?;
    let items = cx
        .db
        .tx(async |tx: Tx| {
            let held = hold(&tx, registry, id.into()).await?;
            held.row.may_be_changed_by(&actor)?;
            let mut items = plan(&tx, &held, (from, to)).await?;
            if dry_run {
                return Ok(items);
            }
            run(&tx, registry, &held, (&mut items, &actor.identity())).await?;
            let after = json!({"from": from, "to": to, "runs": runs(&items)});
            let change = audit::Change {
                actor: &actor,
                label: label.as_deref(),
                action: "schedule.backfill",
                target: format!("schedule:{id}"),
                before: None,
                after: Some(&after),
            };
            audit::record(&tx, change).await?;
            Ok(items)
        })
        .await?;
    let status = if dry_run { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(Backfilled { dry_run, runs: runs(&items), items })))
}

fn runs(items: &[Item]) -> usize {
    items.iter().filter(|item| item.action != Action::Leave).count()
}
