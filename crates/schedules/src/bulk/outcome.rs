//! What became of each schedule, in answers and in the results of tasks.

use chrono::{DateTime, Utc};
use edge::ProblemDetails;
use kernel::Problem;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// What an operation did to many schedules.
#[derive(Default)]
pub(super) struct Outcome {
    pub done: Vec<Done>,
    /// In the order in which they were found out.
    pub failed: Vec<(Uuid, Problem)>,
}

/// A schedule to which it was done.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = BulkDone)]
pub(super) struct Done {
    pub schedule_id: Uuid,
    /// The run, when one was asked for: `GET /api/v1/executions/{execution_id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub execution_id: Option<Uuid>,
}

/// A schedule to which it could not be done.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkFailed)]
pub(super) struct Failed {
    schedule_id: Uuid,
    error: ProblemDetails,
}

/// What became of each schedule.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkOperationOutcome, example = json!({
    "success": [{"schedule_id": "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e"}],
    "failed": [{"schedule_id": "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8f", "error": {
        "type": "/problems/schedule-state", "title": "The schedule's state does not allow this", "status": 409,
        "detail": "it is paused, and cannot be paused"}}]
}))]
pub(super) struct OutcomeView {
    #[schema(max_items = 1000)]
    success: Vec<Done>,
    #[schema(max_items = 1000)]
    failed: Vec<Failed>,
}

impl From<Outcome> for OutcomeView {
    fn from(outcome: Outcome) -> Self {
        Self { success: outcome.done, failed: outcome.failed.iter().map(Failed::from).collect() }
    }
}

impl From<&(Uuid, Problem)> for Failed {
    fn from((schedule_id, problem): &(Uuid, Problem)) -> Self {
        Self { schedule_id: *schedule_id, error: problem.into() }
    }
}

/// What was done by ids, or what a dry run found.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = BulkOperationAnswer)]
pub(super) enum Answered {
    Done(OutcomeView),
    Looked(DryRun),
}

/// What would be done.
#[expect(clippy::struct_field_names, reason = "the field is named so in the API")]
#[derive(Serialize, ToSchema)]
#[schema(as = BulkDryRun)]
pub(super) struct DryRun {
    /// Always true: nothing was done.
    pub dry_run: bool,
    /// How many schedules match. Whether each may be changed, and its state allows it, is found out when it is done.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 1)]
    pub matched: i64,
    /// The first hundred of them, by id.
    #[schema(max_items = 100)]
    pub schedule_ids: Vec<Uuid>,
}

/// A bulk operation by filter, and how it goes.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkOperationTask)]
pub(super) struct TaskOutcome {
    /// Watch `/api/v1/tasks/{task_id}`.
    pub task_id: Uuid,
    /// `queued`, `running`, `succeeded`, `failed` or `cancelled`.
    #[schema(example = "running")]
    pub status: String,
    /// How many schedules matched when it began; null before.
    #[schema(required = true, minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 250)]
    pub matched: Option<i64>,
    /// To how many it was done so far.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 249)]
    pub success: i64,
    /// To how many it could not be done so far.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 1)]
    pub failed_count: i64,
    /// The first hundred of these, each with its `schedule_id` and its `error`.
    #[schema(max_items = 100, value_type = Vec<Failed>)]
    pub failed: Value,
}

/// What was created.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkCreated, example = json!({
    "success": [{"index": 0, "schedule_id": "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e", "name": "report-1", "status": "active",
        "next_run_at": "2026-01-06T06:30:00Z"}],
    "failed": [{"index": 1, "name": "report-2", "error": {
        "type": "/problems/schedule-name-taken", "title": "The name is taken", "status": 409,
        "errors": [{"pointer": "/schedules/1/name", "message": "you have a schedule report-2"}]}}]
}))]
pub(super) struct CreatedView {
    #[schema(max_items = 1000)]
    pub success: Vec<CreatedItem>,
    /// Empty unless `partial` is asked for.
    #[schema(max_items = 1000)]
    pub failed: Vec<FailedItem>,
}

/// A schedule that was created: `GET /api/v1/schedules/{schedule_id}` shows it whole.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkCreatedItem)]
pub(super) struct CreatedItem {
    /// Its place in the request.
    #[schema(minimum = 0, maximum = 999)]
    pub index: usize,
    pub schedule_id: Uuid,
    pub name: String,
    /// `active`, or `completed` when it was due once and at once.
    #[schema(example = "active")]
    pub status: String,
    #[schema(required = true)]
    pub next_run_at: Option<DateTime<Utc>>,
}

/// A schedule that could not be created.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkFailedItem)]
pub(super) struct FailedItem {
    /// Its place in the request.
    #[schema(minimum = 0, maximum = 999)]
    index: usize,
    /// As it was given.
    #[schema(required = true)]
    name: Option<String>,
    error: ProblemDetails,
}

impl FailedItem {
    pub fn of(index: usize, given: &Value, problem: &Problem) -> Self {
        let name = given["name"].as_str().map(|name| name.chars().take(255).collect());
        Self { index, name, error: problem.into() }
    }
}
