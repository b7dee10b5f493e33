//! Jobs and their executions in answers.

use chrono::{DateTime, Utc};
use kernel::Actor;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    EXECUTE,
    rows::{JobRow, RunRow},
};

/// A job that the code declares, to run by the clock.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ScheduledJob)]
pub(super) struct JobView {
    /// The name of its schedule.
    #[schema(example = "delete_old_job_executions")]
    pub job_id: String,
    #[schema(example = "delete_old_job_executions")]
    pub name: String,
    #[schema(example = "Deletes executions that ended long ago")]
    pub description: String,
    /// When it is due next; null while it is paused or disabled.
    #[schema(required = true)]
    pub next_run: Option<DateTime<Utc>>,
    /// What makes it run.
    #[schema(example = "cron[0 2 * * *] UTC")]
    pub trigger: String,
    /// Whether it runs by the clock.
    pub enabled: bool,
    /// `active`, `paused`, or `disabled`.
    #[schema(example = "active")]
    pub state: String,
    /// Why it is paused or disabled.
    #[schema(required = true, example = json!(null))]
    pub state_reason: Option<String>,
    /// The latest execution that runs, waits or has run; null when there is none. Due times that were skipped or missed are in
    /// the history.
    #[schema(required = true)]
    pub latest_execution: Option<RunView>,
}

/// How an execution of a job went.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ScheduledJobRun)]
pub(super) struct RunView {
    pub id: Uuid,
    /// `queued`, `running`, `succeeded`, `failed`, `cancelled`, `skipped` or `missed`.
    #[schema(example = "succeeded")]
    pub state: String,
    /// Whether it did its work; null while it is not over, and when it was not to be done.
    #[schema(required = true, example = true)]
    pub success: Option<bool>,
    /// When its present or last attempt began.
    #[schema(required = true)]
    pub started_at: Option<DateTime<Utc>>,
    #[schema(required = true)]
    pub finished_at: Option<DateTime<Utc>>,
    /// How long its last attempt took.
    #[schema(required = true, example = 0.25, minimum = 0)]
    pub duration_seconds: Option<f64>,
    /// What it did, why it was left out, or how it failed. What exactly went wrong is told to those who may run it.
    #[schema(required = true, example = "deleted 42 finished executions older than 90 days")]
    pub message: Option<String>,
}

/// An execution of a job.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ScheduledJobExecution)]
pub(super) struct ExecutionView {
    /// Whose it is.
    #[schema(example = "delete_old_job_executions")]
    pub job_id: String,
    #[serde(flatten)]
    pub run: RunView,
    /// `schedule` when it was due, `manual` when somebody asked for it, `retry` when it was asked for again.
    #[schema(example = "schedule")]
    pub trigger: String,
    #[schema(required = true, example = "schedule delete_old_job_executions")]
    pub triggered_by: Option<String>,
    /// The due time that it is.
    #[schema(required = true)]
    pub scheduled_for: Option<DateTime<Utc>>,
    /// The attempts begun so far.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub attempts: i32,
    /// What led to its last error, one cause to a line. Only for holders of `scheduled_job.execute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error_trace: Option<String>,
}

impl JobView {
    /// The job, as `actor` may see it.
    pub fn of(row: JobRow, latest: Option<&RunRow>, actor: &Actor) -> Self {
        Self {
            job_id: row.name.clone(),
            name: row.name,
            description: row.description,
            next_run: row.next_run_at,
            trigger: readable(&row.timing),
            enabled: row.state == "active",
            state: row.state,
            state_reason: row.state_reason,
            latest_execution: latest.map(|run| RunView::of(run, actor)),
        }
    }
}

impl RunView {
    fn of(row: &RunRow, actor: &Actor) -> Self {
        let over = row.finished_at.is_some();
        Self {
            id: row.id,
            state: row.state.clone(),
            success: match row.state.as_str() {
                "succeeded" => Some(true),
                "failed" => Some(false),
                _ => None,
            },
            started_at: row.started_at,
            finished_at: row.finished_at,
            duration_seconds: row.duration_ms.filter(|_| over).map(|ms| ms as f64 / 1000.0),
            message: row.message.clone().or_else(|| failure(row, actor)),
        }
    }
}

impl ExecutionView {
    /// The execution, as `actor` may see it.
    pub fn of(row: RunRow, actor: &Actor) -> Self {
        let trace = row.error.as_ref().and_then(|error| error["trace"].as_str());
        Self {
            run: RunView::of(&row, actor),
            error_trace: trace.filter(|_| actor.may(EXECUTE)).map(str::to_owned),
            job_id: row.job_id,
            trigger: row.trigger,
            triggered_by: row.triggered_by,
            scheduled_for: row.scheduled_for,
            attempts: row.attempt,
        }
    }
}

/// How its last attempt failed, unless it went well in the end. The error's own words name its causes, as the trace does.
fn failure(row: &RunRow, actor: &Actor) -> Option<String> {
    let error = row.error.as_ref().filter(|_| row.state != "succeeded")?;
    if actor.may(EXECUTE) {
        return error["error"].as_str().map(str::to_owned);
    }
    Some(format!("attempt {} failed: {}", error["attempt"], error["problem"].as_str().unwrap_or_default()))
}

/// The timing in one line.
fn readable(timing: &Value) -> String {
    let texts = |name: &str| {
        let texts = timing[name].as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.collect::<Vec<_>>().join(" | ")
    };
    let zone = timing["zone"].as_str().unwrap_or("UTC");
    match timing["type"].as_str() {
        Some("cron") => {
            let exclude = Some(texts("exclude")).filter(|texts| !texts.is_empty());
            let exclude = exclude.map(|texts| format!(" except [{texts}]")).unwrap_or_default();
            format!("cron[{}] {zone}{exclude}", texts("expressions"))
        }
        Some("interval") => format!("interval[{} s]", timing["every_seconds"]),
        Some("once") => format!("once[{}]", timing["at"].as_str().unwrap_or_default()),
        _ => "on request".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::StoredTiming;

    #[test]
    fn a_timing_can_be_read_in_one_line() {
        let declared = serde_json::to_value(StoredTiming::utc_cron("0 2 * * *")).unwrap();
        assert_eq!(readable(&declared), "cron[0 2 * * *] UTC");
        let union = json!({"type": "cron", "expressions": ["0 2 * * *", "0 4 * * *"], "exclude": ["* * 25 12 *"], "zone": "Asia/Jakarta"});
        assert_eq!(readable(&union), "cron[0 2 * * * | 0 4 * * *] Asia/Jakarta except [* * 25 12 *]");
        assert_eq!(readable(&json!({"type": "interval", "every_seconds": 90})), "interval[90 s]");
        assert_eq!(readable(&json!({"type": "none"})), "on request");
    }
}
