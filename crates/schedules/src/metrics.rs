//! The metrics of schedules, in one place so that names and labels stay consistent.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

pub(crate) fn ticked(took: Duration, written: usize) {
    histogram!("scheduler_tick_duration_seconds").record(took);
    counter!("scheduler_executions_written_total").increment(written as u64);
}

/// Due times that were missed, by reason.
pub(crate) fn misfires(missed: &[(&'static str, u64)]) {
    for (reason, count) in missed {
        counter!("schedule_misfires_total", "reason" => *reason).increment(*count);
    }
}

/// Executions of schedules that ended, were skipped or missed.
pub(crate) fn ended(schedule_type: &str, status: &str, count: u64) {
    let labels = [("schedule_type", schedule_type.to_owned()), ("status", status.to_owned())];
    counter!("schedule_executions_total", &labels).increment(count);
}

pub(crate) fn ran(schedule_type: &str, lateness: Duration, duration: Duration) {
    histogram!("schedule_lateness_seconds").record(lateness);
    histogram!("schedule_execution_duration_seconds", "schedule_type" => schedule_type.to_owned()).record(duration);
}

pub(crate) fn schedules(schedule_type: &str, status: &str, count: i64) {
    let labels = [("type", schedule_type.to_owned()), ("status", status.to_owned())];
    gauge!("schedules_total", &labels).set(count as f64);
}

pub(crate) fn backlog(due: i64, age: Duration) {
    gauge!("scheduler_due_backlog").set(due as f64);
    gauge!("scheduler_due_backlog_age_seconds").set(age);
}

pub(crate) fn longest_running(age: Duration) {
    gauge!("schedule_execution_running_seconds_max").set(age);
}
