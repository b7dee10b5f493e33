//! Running, pausing and resuming a job.

use axum::extract::{OptionalFromRequest as _, Request, State};
use chrono::{DateTime, Utc};
use edge::{Accepted, Authenticated, IdempotencyKey, Json, Label, LabelHeaders, Path, ProblemDetails, Reply};
use garde::Validate;
use kernel::{Actor, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Tx;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    EXECUTE,
    rows::{self, JobRow},
    view::JobView,
};
use crate::{Schedules, problems, write};

/// A run that was asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduledJobTriggered)]
pub(super) struct Triggered {
    /// Watch `/api/v1/tasks/{execution_id}`.
    execution_id: Uuid,
    #[schema(example = "delete_old_job_executions")]
    job_id: String,
    /// It waits for a worker.
    #[schema(example = "queued")]
    status: &'static str,
    /// When it runs at the earliest.
    run_at: DateTime<Utc>,
}

/// Runs a job now, whether or not it is paused.
///
/// The run counts like one that is due: while another run of the job is not over, or any run of it where the job never runs
/// twice at a time, this is refused. Needs the permission `scheduled_job.execute`.
#[utoipa::path(post, path = "/api/v1/scheduled-jobs/{job_id}/trigger", tag = "scheduled-jobs",
    params(("job_id" = String, Path, description = "Its name", max_length = 255, example = "delete_old_job_executions"), IdempotencyKey, LabelHeaders),
    responses((status = 202, body = Triggered, headers(("Location" = String, description = "The task"))),
        (status = 409, body = ProblemDetails, content_type = "application/problem+json",
            description = "`schedule-busy`: a run is not over; `schedule-state`: the job is disabled")))]
pub(super) async fn trigger(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Path(job_id): Path<String>,
    label: Label,
) -> Reply<Accepted<Triggered>> {
    actor.require(EXECUTE)?;
    let registry = cx.registry()?;
    let triggered = cx.db.tx(async |tx: Tx| {
        let job = rows::find(&tx, &job_id).await?;
        if job.state == "disabled" {
            return Err(problems::state("disabled", "be run"));
        }
        let id = write::trigger(&tx, registry, job.id.into(), (None, actor.identity())).await?;
        let after = json!({ "execution_id": id });
        record(&tx, (&actor, &label), ("scheduled_job.trigger", &job.name), [None, Some(&after)]).await?;
        Ok(Triggered { execution_id: id.0, job_id: job.name, status: "queued", run_at: tx.now() })
    });
    let triggered = triggered.await?;
    Ok(Accepted { location: format!("/api/v1/tasks/{}", triggered.execution_id), body: triggered })
}

/// Why a job is paused.
#[derive(Default, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = PauseScheduledJob)]
pub(super) struct Pause {
    /// For whoever wonders why it does not run; without it, who paused it.
    #[garde(inner(length(chars, min = 1, max = 500), custom(storable)))]
    #[schema(min_length = 1, max_length = 500, example = "The mail server is being moved")]
    reason: Option<String>,
}

fn storable<C>(text: &str, _: &C) -> garde::Result {
    if text.trim().is_empty() || text.contains('\0') {
        return Err(garde::Error::new("must be text that people can read"));
    }
    Ok(())
}

/// Pauses a job: its due times are skipped, with this reason, until it is resumed.
///
/// A run that waits or runs goes on. Needs the permission `scheduled_job.execute`.
#[utoipa::path(post, path = "/api/v1/scheduled-jobs/{job_id}/pause", tag = "scheduled-jobs",
    params(("job_id" = String, Path, description = "Its name", max_length = 255, example = "delete_old_job_executions"), IdempotencyKey, LabelHeaders),
    request_body = Option<Pause>,
    responses((status = 200, body = JobView),
        (status = 409, body = ProblemDetails, content_type = "application/problem+json",
            description = "`schedule-state`: it is paused or disabled already")))]
pub(super) async fn pause(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    to: (Path<String>, Label),
    request: Request,
) -> Reply<Json<JobView>> {
    actor.require(EXECUTE)?;
    let (Path(job_id), label) = to;
    let given: Option<Json<Pause>> = Json::from_request(request, &()).await?;
    let given = given.and_then(|Json(pause)| pause.reason);
    let reason = given.unwrap_or_else(|| format!("paused by {} ({})", actor.display_name(), actor.identity()));
    let registry = cx.registry()?;
    let changed = cx.db.tx(async |tx: Tx| {
        let before = rows::find(&tx, &job_id).await?;
        let held = write::held(&tx, registry, before.id).await?;
        write::pause(&tx, &held, (&reason, &actor.identity())).await?;
        changed(&tx, (&actor, &label), "scheduled_job.pause", &before).await
    });
    Ok(Json(changed.await?))
}

/// Resumes a job, with its next due time from now on: what was due while it was paused stays skipped.
///
/// Needs the permission `scheduled_job.execute`.
#[utoipa::path(post, path = "/api/v1/scheduled-jobs/{job_id}/resume", tag = "scheduled-jobs",
    params(("job_id" = String, Path, description = "Its name", max_length = 255, example = "delete_old_job_executions"), IdempotencyKey, LabelHeaders),
    responses((status = 200, body = JobView),
        (status = 409, body = ProblemDetails, content_type = "application/problem+json",
            description = "`schedule-state`: it is not paused")))]
pub(super) async fn resume(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
    Path(job_id): Path<String>,
    label: Label,
) -> Reply<Json<JobView>> {
    actor.require(EXECUTE)?;
    let registry = cx.registry()?;
    let changed = cx.db.tx(async |tx: Tx| {
        let before = rows::find(&tx, &job_id).await?;
        let held = write::held(&tx, registry, before.id).await?;
        write::resume(&tx, &held, &actor.identity()).await?;
        changed(&tx, (&actor, &label), "scheduled_job.resume", &before).await
    });
    Ok(Json(changed.await?))
}

/// Records a change of state, and shows the job after it.
async fn changed(tx: &Tx, by: (&Actor, &Label), action: &'static str, before: &JobRow) -> Result<JobView> {
    let after = rows::find(tx, &before.name).await?;
    let shown =
        |row: &JobRow| json!({ "state": row.state, "state_reason": row.state_reason, "next_run": row.next_run_at });
    record(tx, by, (action, &before.name), [Some(&shown(before)), Some(&shown(&after))]).await?;
    let latest = rows::latest(tx, vec![after.id]).await?;
    Ok(JobView::of(after, latest.values().next(), by.0))
}

async fn record(
    tx: &Tx,
    (actor, label): (&Actor, &Label),
    (action, job_id): (&'static str, &str),
    [before, after]: [Option<&Value>; 2],
) -> Result<()> {
    let target = format!("scheduled_job:{job_id}");
    audit::record(tx, audit::Change { actor, label: label.as_deref(), action, target, before, after }).await
}
