//! Which jobs may be scheduled.

use axum::extract::State;
use edge::{Authenticated, Json, Reply};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::Schedules;

/// A job that may be scheduled.
#[derive(Serialize, ToSchema)]
#[schema(as = SchedulableJob, example = json!({
    "job": "engine.noop", "queue": "default", "max_attempts": 5, "timeout_seconds": 3600, "exclusive": false,
    "args_schema": {"type": "object", "properties": {"sleep_ms": {"type": "integer", "minimum": 0}}}
}))]
pub(super) struct JobView {
    job: &'static str,
    /// The queue in which its runs wait.
    queue: &'static str,
    /// Its own number of attempts; a schedule's `max_retries` takes its place.
    #[schema(minimum = 1, maximum = 1000)]
    max_attempts: u16,
    /// The longest one attempt may take, unless the schedule says otherwise.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    timeout_seconds: u64,
    /// Whether it never runs twice at a time, whoever asks for it.
    exclusive: bool,
    /// The JSON Schema of its arguments.
    #[schema(value_type = Object)]
    args_schema: Value,
}

/// Every one of them.
#[derive(Serialize, ToSchema)]
#[schema(as = SchedulableJobs)]
pub(super) struct JobList {
    items: Vec<JobView>,
    /// Always `null`: there is one page.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Lists the jobs that may be scheduled, with the JSON Schema of their arguments. Needs the permission `schedule.read`.
#[utoipa::path(get, path = "/api/v1/schedules/jobs", tag = "schedules", responses((status = 200, body = JobList)))]
pub(super) async fn list_jobs(
    State(cx): State<Schedules>,
    Authenticated(actor): Authenticated,
) -> Reply<Json<JobList>> {
    actor.require("schedule.read")?;
    let registry = cx.registry()?;
    let items = registry.kinds().filter_map(|info| {
        let args_schema = registry.schedulable(info.kind)?;
        Some(JobView {
            job: info.kind,
            queue: info.queue.name(),
            max_attempts: info.policy.max_attempts,
            timeout_seconds: info.policy.timeout.as_secs(),
            exclusive: info.policy.overlap == jobs::Overlap::Exclusive,
            args_schema,
        })
    });
    Ok(Json(JobList { items: items.collect(), next_cursor: None }))
}
