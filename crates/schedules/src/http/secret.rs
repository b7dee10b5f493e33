//! The secret of a schedule's webhook: shown when it is made, by rotating it, and never again.

use axum::{
    extract::State,
    http::{HeaderName, header},
};
use chrono::{DateTime, TimeDelta, Utc};
use edge::{Json, LabelHeaders, Path, ProblemDetails, Reply};
use garde::Validate;
use kernel::{Problem, Result, Secret};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Tx;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Schedules,
    change::{Held, hold},
    problems,
    targets::webhook,
    who::Who,
    write,
};

/// How a secret is rotated.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SecretRotation, example = json!({ "grace_seconds": 86_400 }))]
pub(crate) struct Rotation {
    /// How long the old secret goes on signing beside the new one.
    #[serde(default = "a_day")]
    #[garde(range(max = 604_800))]
    #[schema(required = false, minimum = 0, maximum = 604_800, default = 86_400)]
    grace_seconds: u32,
}

fn a_day() -> u32 {
    86_400
}

/// The new secret of a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookSecret)]
pub(crate) struct SecretView {
    schedule_id: Uuid,
    /// Verifies deliveries as Standard Webhooks describes. It is not shown again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", max_length = 100)]
    secret: String,
    /// Which secret it is: 1 for the one that the schedule was made with.
    #[schema(example = 2, minimum = 1, maximum = 2_147_483_647)]
    generation: i32,
    /// Until then deliveries are signed with the old secret too.
    previous_secret_until: DateTime<Utc>,
}

/// Gives the webhook of a schedule a new secret.
///
/// The new secret is in the answer and is shown only there. Until the grace is over, deliveries carry two signatures: one with
/// the new secret and one with the old one. An older one than that signs no more. Needs `schedule.write` for one's own
/// schedules, `schedule.admin` for others. The answer is not kept: asking again rotates again.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/secret/rotate", tag = "schedules",
    params(("id" = Uuid, Path), LabelHeaders), request_body = Option<Rotation>,
    responses((status = 200, body = SecretView, description = "The new secret"),
        (status = 409, body = ProblemDetails, content_type = "application/problem+json", description = "`schedule-state`: it calls no webhook, or the code declares it")))]
pub(super) async fn rotate_secret(
    State(cx): State<Schedules>,
    by: Who,
    Path(id): Path<Uuid>,
    rotation: Option<Json<Rotation>>,
) -> Reply<([(HeaderName, &'static str); 1], Json<SecretView>)> {
    let grace = TimeDelta::seconds(rotation.map_or_else(a_day, |Json(rotation)| rotation.grace_seconds).into());
    let (generation, until) = cx.db.tx(async |tx: Tx| rotate(&cx, &tx, id, (&by, grace)).await).await?;
    let secret: Secret = webhook::secret(&cx, id.into(), generation)?;
    let secret = secret.expose().clone(); // the one place that shows it, to who may change the schedule
    let view = SecretView { schedule_id: id, secret, generation, previous_secret_until: until };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(view)))
}

/// Which secret counts now, and until when the one before does too.
async fn rotate(
    cx: &Schedules,
    tx: &Tx,
    id: Uuid,
    (Who { actor, label }, grace): (&Who, TimeDelta),
) -> Result<(i32, DateTime<Utc>)> {
    let held = hold(tx, cx.registry()?, id.into()).await?;
    held.row.may_be_changed_by(actor)?;
    refuse_others(&held)?;
    let until = tx.now() + grace;
    write::rotate(tx, id, (until, &actor.identity())).await?;
    let generation = held.row.secret_generation + 1;
    // Not called secrets here: the log hides what is.
    let before = json!({ "webhook_generation": held.row.secret_generation });
    let after = json!({ "webhook_generation": generation, "previous_generation_until": until });
    let change = audit::Change {
        actor,
        label: label.as_deref(),
        action: "schedule.rotate_secret",
        target: format!("schedule:{id}"),
        before: Some(&before),
        after: Some(&after),
    };
    audit::record(tx, change).await?;
    Ok((generation, until))
}

/// Only a schedule of the API that calls a webhook has a secret.
fn refuse_others(held: &Held) -> Result<()> {
    let refused = |detail| Err(Problem::new(&problems::STATE).detail(detail));
    match (held.row.origin.as_str(), held.row.kind.as_str()) {
        ("code", _) => refused("the code declares it"),
        (_, webhook::KIND) => Ok(()),
        _ => refused("it calls no webhook, so it has no secret"),
    }
}
