//! Creating schedules.

use axum::{
    extract::{Request, State},
    response::IntoResponse,
};
use edge::{Created, IdempotencyKey, KeptBody, LabelHeaders, ProblemDetails, Reply};
use serde::Serialize;
use store::Tx;
use utoipa::ToSchema;

use super::{PROBLEM, fields, request::ScheduleRequest, view::ScheduleView};
use crate::{Schedules, operations, targets::webhook, who::Who};

/// A schedule that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedSchedule {
    #[serde(flatten)]
    schedule: ScheduleView,
    /// What verifies the deliveries of its webhook. It is shown only here; rotate it to get another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", max_length = 100)]
    webhook_secret: Option<String>,
}

/// Creates a schedule. Needs the permission `schedule.write`.
///
/// One that is due at once leaves its execution in the same transaction. Everything that is wrong is told in one answer. The secret
/// of a webhook is in the first answer only: it is not kept for `Idempotency-Key`.
#[utoipa::path(post, path = "/api/v1/schedules", tag = "schedules", params(IdempotencyKey, LabelHeaders),
    request_body(content = ScheduleRequest, examples(
        ("cron" = (summary = "By a cron expression", value = json!({"name": "close-day", "cron_expression": "0 18 * * MON-FRI", "timezone": "Europe/Berlin", "job": "engine.noop"}))),
        ("phrase" = (summary = "In English", value = json!({"name": "morning-report", "phrase": "every weekday at 9am in Asia/Jakarta", "job": "engine.noop", "args": {"sleep_ms": 250}}))),
        ("interval" = (summary = "At a fixed distance", value = json!({"name": "heartbeat", "interval_seconds": 300, "job": "engine.noop", "overlap": "skip"}))),
        ("immediate" = (summary = "Now, once", value = json!({"name": "import-2026-01", "schedule_type": "immediate", "job": "engine.noop"}))),
        ("webhook" = (summary = "Calling a webhook", value = json!({"name": "call-report", "cron_expression": "0 6 * * *", "webhook": {"url": "https://hooks.example.org/bookflow", "payload": {"since": "{{last_success_at}}"}}}))),
        ("dependent" = (summary = "After another one", value = json!({"name": "mail-report", "after": [{"schedule_id": "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e", "on": "success"}], "job": "engine.noop"}))))),
    responses(
        (status = 201, body = CreatedSchedule, headers(("Location" = String, description = "The schedule"), ("ETag" = String))),
        (status = 409, body = ProblemDetails, content_type = PROBLEM, description = "`schedule-name-taken`, `schedule-quota`, or a key in flight"),
        (status = 422, body = ProblemDetails, content_type = PROBLEM, description = "`validation-failed` naming every field that is wrong; `schedule-cycle`")))]
pub(super) async fn create(State(cx): State<Schedules>, who: Who, request: Request) -> Reply<impl IntoResponse> {
    let given = ScheduleRequest::read(fields(request).await?);
    let schedule = cx.db.tx(async |tx: Tx| operations::create((&cx, &tx), &who, &given).await).await?;
    let location = format!("/api/v1/schedules/{}", schedule.id);
    let tag = schedule.tag();
    let Some(secret) = webhook::first_secret(&cx, &schedule)? else {
        return Ok((tag, None, Created { location, body: CreatedSchedule { schedule, webhook_secret: None } }));
    };
    let kept = KeptBody(serde_json::to_vec(&schedule)?);
    let webhook_secret = Some(secret.expose().clone()); // shown now, to who made the schedule, and never again
    Ok((tag, Some(kept), Created { location, body: CreatedSchedule { schedule, webhook_secret } }))
}
