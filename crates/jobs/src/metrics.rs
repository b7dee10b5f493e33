//! The engine's metrics, in one place so that names and labels stay consistent.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::job::Queue;

pub(crate) fn enqueued(kind: &'static str, queue: Queue, count: u64) {
    counter!("jobs_enqueued_total", "kind" => kind, "queue" => queue.name()).increment(count);
}

pub(crate) fn started(queue: Queue, lateness: Duration) {
    histogram!("jobs_start_lateness_seconds", "queue" => queue.name()).record(lateness);
}

pub(crate) fn finished(kind: &'static str, queue: Queue, outcome: &'static str, run_time: Duration) {
    counter!("jobs_attempts_total", "kind" => kind, "queue" => queue.name(), "outcome" => outcome).increment(1);
    histogram!("jobs_run_seconds", "kind" => kind, "queue" => queue.name()).record(run_time);
}

pub(crate) fn stale_ticket(queue: Queue) {
    counter!("jobs_stale_tickets_total", "queue" => queue.name()).increment(1);
}

pub(crate) fn rescued(count: u64) {
    counter!("jobs_rescued_total").increment(count);
}

pub(crate) fn lock(kind: &'static str, outcome: &'static str) {
    counter!("distributed_locks_acquired_total", "lock" => kind, "outcome" => outcome).increment(1);
}

pub(crate) fn redispatched(count: usize) {
    counter!("jobs_redispatched_total").increment(count as u64);
}

pub(crate) fn relay_lag(lag: Duration) {
    gauge!("jobs_relay_lag_seconds").set(lag);
}

pub(crate) fn queue_depth(queue: Queue, state: &'static str, depth: i64) {
    gauge!("jobs_queue_depth", "queue" => queue.name(), "state" => state).set(depth as f64);
}

pub(crate) fn oldest_age(queue: Queue, age: Duration) {
    gauge!("jobs_queue_oldest_age_seconds", "queue" => queue.name()).set(age);
}

pub(crate) fn processes_alive(role: &'static str, count: i64) {
    gauge!("processes_alive", "role" => role).set(count as f64);
}
