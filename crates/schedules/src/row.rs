//! A due schedule as the tick reads it.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde_json::Value;
use uuid::Uuid;

/// The columns of [`Due`], of `schedules s`.
macro_rules! due_columns {
    () => {
        "s.id, s.name, s.kind, s.args, s.timing, s.priority, s.catch_up, s.overlap, s.max_instances,
         s.misfire_grace_seconds, s.state, s.next_run_at, s.due_from, s.jitter_seconds, s.max_runs, s.run_count, s.max_attempts,
         s.retry_delay_seconds, s.timeout_seconds, s.templated,
         case when s.templated then (select c.last_success_at from schedule_counters c where c.schedule_id = s.id) end as last_success_at"
    };
}
pub(crate) use due_columns;

/// What planning an execution of a schedule needs.
#[expect(clippy::struct_field_names, reason = "the fields are the columns")]
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Due {
    pub id: Uuid,
    pub name: String,
    pub kind: String,
    pub args: Value,
    pub timing: Value,
    pub priority: i16,
    pub catch_up: String,
    pub overlap: String,
    pub max_instances: i32,
    pub misfire_grace_seconds: Option<i32>,
    pub state: String,
    pub next_run_at: Option<DateTime<Utc>>,
    pub due_from: Option<DateTime<Utc>>,
    pub jitter_seconds: i32,
    pub max_runs: Option<i32>,
    pub run_count: i64,
    pub max_attempts: Option<i32>,
    pub retry_delay_seconds: Option<i32>,
    pub timeout_seconds: Option<i32>,
    pub templated: bool,
    pub last_success_at: Option<DateTime<Utc>>,
}

impl Due {
    /// The first due time that is not dealt with.
    pub fn first_due(&self) -> Option<DateTime<Utc>> {
        self.due_from.or(self.next_run_at)
    }

    /// Whether a due time has come by `now` that is not dealt with.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.state == "active" && self.first_due().is_some_and(|at| at <= now)
    }

    /// How many more due times may run.
    pub fn runs_left(&self) -> i64 {
        self.max_runs.map_or(i64::MAX, |most| (i64::from(most) - self.run_count).max(0))
    }
}
