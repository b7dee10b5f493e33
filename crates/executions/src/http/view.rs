//! What operators see of executions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    names::{Cause, State},
    reason,
    row::{Row, Whole},
};

/// One run of one job, in short.
#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionSummary)]
pub(super) struct RowView {
    pub id: Uuid,
    #[schema(example = "engine.noop")]
    pub kind: String,
    #[schema(example = "default")]
    pub queue: String,
    #[schema(value_type = State)]
    pub state: String,
    /// The schedule that it is a due time of.
    pub schedule_id: Option<Uuid>,
    #[schema(example = "nightly report")]
    pub schedule_name: Option<String>,
    /// The due time that it is.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// When it is, or was, to run at the earliest; for a retry, that of the retry.
    pub run_at: DateTime<Utc>,
    /// When the present or last attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended for good.
    pub finished_at: Option<DateTime<Utc>>,
    /// How long the last attempt took.
    #[schema(minimum = 0, example = 812)]
    pub duration_ms: Option<i64>,
    /// From `run_at` to `started_at`; null until it has started.
    #[schema(minimum = 0, example = 4)]
    pub lateness_ms: Option<i64>,
    /// The attempts begun so far.
    #[schema(minimum = 0, maximum = 1000, example = 1)]
    pub attempt: i32,
    #[schema(minimum = 1, maximum = 1000, example = 4)]
    pub max_attempts: i32,
    /// 10 is the most urgent.
    #[schema(minimum = 1, maximum = 10, example = 5)]
    pub priority: i16,
    #[schema(value_type = Cause)]
    pub trigger: String,
    /// Who or what caused it: an account's id, a schedule, a part of the system.
    #[schema(example = "schedule nightly report")]
    pub triggered_by: Option<String>,
    /// What ties a chain together: see `/api/v1/executions/by-correlation/{id}`.
    pub correlation_id: String,
    /// The process that has it or had it last.
    pub worker: Option<Uuid>,
    /// In percent, when the job tells.
    #[schema(minimum = 0, maximum = 100)]
    pub progress: Option<i16>,
    /// What it came to, why it was not run, or the last error.
    pub message: Option<String>,
}

impl From<Row> for RowView {
    fn from(row: Row) -> Self {
        let lateness_ms = row.lateness_ms();
        Self {
            id: row.id,
            kind: row.kind,
            queue: row.queue,
            state: row.state,
            schedule_id: row.schedule_id,
            schedule_name: row.schedule_name,
            scheduled_for: row.scheduled_for,
            run_at: row.run_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            duration_ms: row.duration_ms,
            lateness_ms,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            priority: row.priority,
            trigger: row.trigger,
            triggered_by: row.triggered_by,
            correlation_id: row.correlation_id,
            worker: row.worker,
            progress: row.progress,
            message: row.message,
        }
    }
}

/// One run of one job: everything that is known of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Execution)]
pub(super) struct WholeView {
    #[serde(flatten)]
    pub summary: RowView,
    /// Why it ran, or did not, in a sentence.
    #[schema(
        example = "The schedule nightly report was due at 2026-01-05T02:00:00Z; it started 4 ms after it was due."
    )]
    pub reason: String,
    /// The job's arguments.
    #[schema(value_type = Object)]
    pub args: Value,
    /// What it answered; for a range of missed due times `from`, `to` and `count`.
    #[schema(value_type = Object, nullable)]
    pub result: Option<Value>,
    /// The attempts that failed, and the one that it is at or ended with.
    pub attempts: Vec<AttemptView>,
    /// Others with its correlation id, oldest first, the first hundred.
    #[schema(max_items = 100)]
    pub chain: Vec<Uuid>,
    /// Two of the same kind and key do not wait at the same time.
    pub unique_key: Option<String>,
    /// When its ticket for the workers is due; null while none was made.
    pub dispatched_at: Option<DateTime<Utc>>,
    /// Until when its worker has it, unless it says more.
    pub lease_until: Option<DateTime<Utc>>,
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// W3C trace context of what caused it.
    pub traceparent: Option<String>,
    pub created_at: DateTime<Utc>,
}

impl WholeView {
    pub fn new(whole: Whole, chain: Vec<Uuid>) -> Self {
        Self {
            reason: reason::of(&whole.row),
            attempts: attempts(&whole),
            summary: whole.row.into(),
            args: whole.args,
            result: whole.result,
            chain,
            unique_key: whole.unique_key,
            dispatched_at: whole.dispatched_at,
            lease_until: whole.lease_until,
            cancel_requested_at: whole.cancel_requested_at,
            traceparent: whole.traceparent,
            created_at: whole.created_at,
        }
    }
}

/// One attempt.
#[derive(Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[schema(as = ExecutionAttempt)]
pub(super) struct AttemptView {
    #[schema(minimum = 1, maximum = 1000, example = 1)]
    pub attempt: i32,
    /// `failed`, or where the execution stands with it: `running`, `succeeded`, `cancelled`.
    #[serde(default = "failed")]
    #[schema(example = "failed")]
    pub outcome: String,
    /// When it ended; while it runs, when it began.
    pub at: Option<DateTime<Utc>>,
    /// The process that ran it.
    pub worker: Option<Uuid>,
    /// The kind of problem; see `/problems`.
    #[schema(example = "job-timed-out")]
    pub problem: Option<String>,
    pub error: Option<String>,
    /// The chain of causes, one to a line.
    pub trace: Option<String>,
}

fn failed() -> String {
    State::Failed.name().to_owned()
}

/// What `errors` holds, and the attempt that has no entry there because it has not failed.
fn attempts(whole: &Whole) -> Vec<AttemptView> {
    let entries = whole.errors.as_array().into_iter().flatten();
    let mut attempts: Vec<AttemptView> = entries.filter_map(|entry| AttemptView::deserialize(entry).ok()).collect();
    let row = &whole.row;
    let told = attempts.iter().any(|attempt| attempt.attempt == row.attempt);
    if row.attempt > 0 && !told && ["running", "succeeded", "cancelled"].contains(&row.state.as_str()) {
        attempts.push(AttemptView {
            attempt: row.attempt,
            outcome: row.state.clone(),
            at: row.finished_at.or(row.started_at),
            worker: row.worker,
            problem: None,
            error: None,
            trace: None,
        });
    }
    attempts
}
