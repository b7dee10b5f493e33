//! What an attempt's end means: pure rules, and the one log line of the attempt.

use std::{any::Any, error::Error, time::Duration};

use chrono::{DateTime, Utc};
use kernel::Problem;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    claim::Claimed,
    finish::{Counts, End},
    job::{Done, Failure, Policy, Queue, Success},
    leases::Stop,
    problems,
    registry::KindInfo,
};

/// The longest wait before another attempt, whatever a job or an outside service asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 86_400);

/// How the job's task ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It returned, or panicked, or ran out of time.
    Returned(Result<Done, Failure>),
    /// It was asked to stop and did not return in time.
    Stopped,
}

/// The circumstances of an end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub now: DateTime<Utc>,
    /// Why it was asked to stop, if it was.
    pub stop: Option<Stop>,
    /// Even in `0.0..1.0`, for the jitter.
    pub chance: f64,
}

impl KindInfo {
    /// Stands in for a kind that this code does not know.
    pub(crate) fn unknown(queue: &str) -> Self {
        Self { kind: "unknown", queue: Queue::parse(queue).unwrap_or(Queue::Default), policy: Policy::DEFAULT }
    }
}

/// What to record; `None` when there is nothing to record any more.
pub(crate) fn decide(
    claimed: &Claimed,
    info: KindInfo,
    outcome: Outcome,
    moment: Moment,
    process: Uuid,
) -> Option<End> {
    let again = |run_at, error, counts| Some(End::Again { run_at, error, counts });
    let entry = |problem: &Problem| error_entry(claimed, problem, moment.now, process);
    match (outcome, moment.stop) {
        (Outcome::Returned(Ok(Done::Committed)), _) | (_, Some(Stop::Lost)) => None,
        (Outcome::Returned(Ok(Done::Ok(Success { result, message }))), _) => Some(End::Succeeded { result, message }),
        (Outcome::Returned(Ok(Done::Cancel(reason))), _) => Some(End::Cancelled { reason }),
        (_, Some(Stop::LockLost)) => again(moment.now, None, Counts::No),
        (_, Some(Stop::Asked)) => Some(End::Cancelled { reason: "cancelled on request while it ran".into() }),
        (Outcome::Returned(Ok(Done::Snooze(wait))), _) => again(moment.now + wait.min(LONGEST_WAIT), None, Counts::No),
        (_, Some(Stop::Shutdown)) | (Outcome::Stopped, None) => again(moment.now, None, Counts::No),
        (Outcome::Returned(Err(Failure::Fatal(problem))), _) => Some(End::Failed { error: entry(&problem) }),
        (Outcome::Returned(Err(Failure::Retry { source, .. })), _) if claimed.attempt >= claimed.max_attempts => {
            Some(End::Failed { error: entry(&source) })
        }
        (Outcome::Returned(Err(Failure::Retry { after, source })), _) => {
            let backoff = claimed.backoff(&info.policy).delay(claimed.failures.unsigned_abs() + 1, moment.chance);
            again(moment.now + after.unwrap_or(backoff).min(LONGEST_WAIT), Some(entry(&source)), Counts::Yes)
        }
    }
}

/// One entry of `executions.errors`.
pub(crate) fn error_entry(claimed: &Claimed, problem: &Problem, at: DateTime<Utc>, process: Uuid) -> Value {
    json!({
        "at": at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        "attempt": claimed.attempt,
        "worker": process,
        "problem": problem.kind().slug,
        "error": problem.to_string(),
        "trace": causes(problem),
    })
}

/// The chain of causes, one to a line. Not their debug form: a database error's holds the values of the row.
fn causes(problem: &Problem) -> Option<String> {
    let mut next: Option<&(dyn Error + 'static)> = Some(problem.source()?);
    let mut lines = Vec::new();
    while let Some(error) = next {
        lines.push(error.to_string());
        next = error.source();
    }
    Some(lines.join("\n"))
}

/// A panic's message as a problem.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Problem {
    let message = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = message.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Problem::new(&problems::PANICKED).detail(message)
}

/// The outcome's name in logs and metrics.
pub(crate) fn name(end: Option<&End>, stop: Option<Stop>) -> &'static str {
    match end {
        None if stop == Some(Stop::Lost) => "lease_lost",
        None | Some(End::Succeeded { .. }) => "succeeded",
        Some(End::Failed { .. }) => "failed",
        Some(End::Cancelled { .. }) => "cancelled",
        Some(End::Again { error: Some(_), .. }) => "retried",
        Some(End::Again { error: None, .. }) => "requeued",
    }
}

/// The error of an end, for the log.
pub(crate) fn error_text(end: Option<&End>) -> Option<&str> {
    match end? {
        End::Failed { error } | End::Again { error: Some(error), .. } => error["error"].as_str(),
        _ => None,
    }
}

/// The one line of an attempt.
pub(crate) fn log(claimed: &Claimed, outcome: &str, error: Option<&str>, times: Times) {
    let (lateness_ms, duration_ms) = (times.lateness.as_millis() as u64, times.run.as_millis() as u64);
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                kind = claimed.kind, queue = claimed.queue, execution = %claimed.id, attempt = claimed.attempt,
                outcome, error, lateness_ms, duration_ms, correlation_id = claimed.correlation_id, "attempt"
            )
        };
    }
    match outcome {
        "failed" => line!(error),
        "retried" | "lease_lost" => line!(warn),
        _ => line!(info),
    }
}

/// How long an attempt had to wait for its start, and how long it ran.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub lateness: Duration,
    pub run: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(attempt: i32, max_attempts: i32) -> Claimed {
        let (id, at) = (Uuid::now_v7(), DateTime::UNIX_EPOCH);
        Claimed {
            id,
            kind: "test.kind".into(),
            queue: "default".into(),
            priority: 5,
            args: "{}".into(),
            attempt,
            max_attempts,
            failures: attempt - 1,
            run_at: at,
            started_at: at,
            lease_id: id,
            scheduled_for: None,
            triggered_by: None,
            correlation_id: String::new(),
            traceparent: None,
            retry_delay_seconds: None,
            timeout_seconds: None,
        }
    }

    fn decide_with(attempt: i32, outcome: Outcome, stop: Option<Stop>) -> Option<End> {
        let moment = Moment { now: DateTime::UNIX_EPOCH, stop, chance: 1.0 };
        decide(&claimed(attempt, 3), KindInfo::unknown("default"), outcome, moment, Uuid::nil())
    }

    fn retry() -> Outcome {
        Outcome::Returned(Err(Failure::Retry { after: None, source: Problem::new(&problems::TIMED_OUT) }))
    }

    #[test]
    fn a_failure_is_retried_with_backoff_until_the_last_attempt() {
        let Some(End::Again { run_at, error: Some(error), counts: Counts::Yes }) = decide_with(2, retry(), None) else {
            panic!("the second of three attempts is followed by a third");
        };
        assert_eq!(run_at.timestamp(), 2);
        assert_eq!(error["problem"], "job-timed-out");
        assert!(matches!(decide_with(3, retry(), None), Some(End::Failed { .. })));
    }

    #[test]
    fn what_shutdown_interrupts_runs_again_at_once_and_does_not_count() {
        for outcome in [Outcome::Stopped, retry()] {
            let end = decide_with(3, outcome, Some(Stop::Shutdown));
            assert!(matches!(end, Some(End::Again { error: None, counts: Counts::No, .. })), "{end:?}");
        }
    }

    #[test]
    fn work_that_finished_in_spite_of_a_cancel_request_counts_as_done() {
        let done = || Outcome::Returned(Ok(Done::Ok(Success::default())));
        assert!(matches!(decide_with(1, done(), Some(Stop::Asked)), Some(End::Succeeded { .. })));
        assert!(matches!(decide_with(1, Outcome::Stopped, Some(Stop::Asked)), Some(End::Cancelled { .. })));
    }

    #[test]
    fn after_a_lost_lease_nothing_is_recorded() {
        assert!(decide_with(1, retry(), Some(Stop::Lost)).is_none());
    }
}
