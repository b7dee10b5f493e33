//! What a task looks like from outside.

use chrono::{DateTime, Utc};
use jobs::executions::Execution;
use kernel::kinds;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::modules;

/// Work that was done, or is to be done, for a reader.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Task {
    /// Its id.
    pub id: Uuid,
    /// What kind of work it is.
    #[schema(example = "books.summarise")]
    pub kind: String,
    /// Where it stands.
    pub status: Status,
    /// In percent, when the work tells.
    #[schema(minimum = 0, maximum = 100)]
    pub progress: Option<i16>,
    /// The attempts begun so far.
    #[schema(minimum = 0, maximum = 1000)]
    pub attempt: i32,
    /// When it runs at the earliest.
    pub run_at: DateTime<Utc>,
    /// When the present or last attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended for good.
    pub finished_at: Option<DateTime<Utc>>,
    /// Where the result is, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/api/v1/books/0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e/summary")]
    pub result_url: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<TaskProblem>,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TaskStatus)]
pub enum Status {
    /// It waits for its time.
    Scheduled,
    /// It waits for a worker.
    Queued,
    /// It is being worked on.
    Running,
    /// It is done.
    Succeeded,
    /// It could not be done.
    Failed,
    /// It is no longer wanted, or was not run.
    Cancelled,
}

impl Status {
    /// Whether nothing will change any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// Why a task failed, without our own troubles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaskProblem {
    /// The kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/job-timed-out")]
    pub kind: String,
    /// The kind in words.
    pub title: &'static str,
    /// What happened in this case.
    pub detail: String,
}

impl Task {
    /// The task that `execution` is at `now`.
    pub fn of(execution: &Execution, now: DateTime<Utc>) -> Self {
        let status = status(execution, now);
        let result_url = execution.result.as_ref().and_then(|result| result["result_url"].as_str());
        Self {
            id: execution.id,
            kind: execution.kind.clone(),
            status,
            progress: if status == Status::Succeeded { Some(100) } else { execution.progress },
            attempt: execution.attempt,
            run_at: execution.run_at,
            started_at: execution.started_at,
            finished_at: execution.finished_at,
            result_url: result_url.map(str::to_owned),
            problem: (status == Status::Failed).then(|| problem(execution)),
        }
    }
}

fn status(execution: &Execution, now: DateTime<Utc>) -> Status {
    match execution.state.as_str() {
        "queued" if execution.run_at > now => Status::Scheduled,
        "queued" => Status::Queued,
        "running" => Status::Running,
        "succeeded" => Status::Succeeded,
        "failed" => Status::Failed,
        _ => Status::Cancelled, // cancelled, or an occurrence that was skipped or missed
    }
}

/// The kind of the last failure. What it said of itself is for operators.
fn problem(execution: &Execution) -> TaskProblem {
    let last = execution.errors.as_array().and_then(|errors| errors.last());
    let slug = last.and_then(|error| error["problem"].as_str());
    let kind = slug.and_then(modules::problem_kind).unwrap_or(&kinds::INTERNAL);
    let attempts = execution.attempt;
    TaskProblem {
        kind: format!("/problems/{}", kind.slug),
        title: kind.title,
        detail: format!("It was tried {attempts} time{}.", if attempts == 1 { "" } else { "s" }),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;

    fn execution(state: &str) -> Execution {
        let now = DateTime::UNIX_EPOCH;
        Execution {
            id: Uuid::nil(),
            kind: "books.summarise".into(),
            queue: "ai".into(),
            schedule_id: None,
            scheduled_for: None,
            args: json!({}),
            state: state.into(),
            priority: 5,
            attempt: 2,
            max_attempts: 4,
            run_at: now,
            dispatched_at: None,
            lease_until: None,
            worker: None,
            started_at: None,
            finished_at: None,
            duration_ms: None,
            progress: Some(40),
            result: None,
            message: None,
            errors: json!([]),
            unique_key: None,
            trigger: "api".into(),
            triggered_by: None,
            correlation_id: "c".into(),
            traceparent: None,
            cancel_requested_at: None,
            created_at: now,
        }
    }

    #[test]
    fn what_waits_for_its_time_is_scheduled_and_what_waits_for_a_worker_is_queued() {
        let waiting = execution("queued");
        assert_eq!(Task::of(&waiting, waiting.run_at - TimeDelta::seconds(1)).status, Status::Scheduled);
        assert_eq!(Task::of(&waiting, waiting.run_at).status, Status::Queued);
        for (state, status) in
            [("running", Status::Running), ("cancelled", Status::Cancelled), ("missed", Status::Cancelled)]
        {
            assert_eq!(Task::of(&execution(state), waiting.run_at).status, status);
        }
    }

    #[test]
    fn a_finished_task_points_to_its_result() {
        let mut done = execution("succeeded");
        done.result = Some(json!({"result_url": "/api/v1/books/1/summary"}));
        let task = Task::of(&done, done.run_at);
        assert_eq!(task.result_url.as_deref(), Some("/api/v1/books/1/summary"));
        assert_eq!((task.progress, task.problem), (Some(100), None));
    }

    #[test]
    fn a_failed_task_names_the_kind_of_its_last_problem_and_nothing_inside() {
        let mut failed = execution("failed");
        failed.errors = json!([
            {"attempt": 1, "problem": "job-panicked", "error": "first"},
            {"attempt": 2, "problem": "job-timed-out", "error": "postgres://user:secret@db"},
        ]);
        let task = serde_json::to_value(Task::of(&failed, failed.run_at)).unwrap();
        let told = json!({
            "type": "/problems/job-timed-out", "title": "The attempt took too long", "detail": "It was tried 2 times."
        });
        assert_eq!(task["problem"], told);
        assert!(!task.to_string().contains("secret"));
    }

    #[test]
    fn a_failure_of_an_unknown_kind_is_our_own_fault() {
        let mut failed = execution("failed");
        failed.errors = json!([{"attempt": 1, "problem": "no-longer-known", "error": "x"}]);
        assert_eq!(Task::of(&failed, failed.run_at).problem.unwrap().kind, "/problems/internal-error");
    }
}
