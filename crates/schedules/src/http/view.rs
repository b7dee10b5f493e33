//! What callers see of a schedule: everything given or defaulted, and how it stands.

mod assemble;

use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use edge::{ContentTag, Json};
use kernel::Result;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::assemble::local;
use super::request::{AfterGiven, CatchUpWord, JoinWord, OverlapWord, ScheduleType};
use crate::{
    targets::WebhookGiven,
    time::{DstGap, DstOverlap, Outside},
};

/// A schedule. What was not given and has no default is null.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Schedule)]
pub(crate) struct ScheduleView {
    pub id: Uuid,
    #[schema(example = "nightly-report")]
    pub name: String,
    pub description: String,
    #[serde(flatten)]
    pub timing: TimingView,
    #[serde(flatten)]
    pub target: TargetView,
    #[schema(minimum = 1, maximum = 10, example = 5)]
    pub priority: i16,
    #[schema(max_items = 20, example = json!(["reports"]))]
    pub tags: Vec<String>,
    /// How often a run that fails is tried again; null: as the job says.
    #[schema(minimum = 0, maximum = 999, example = 3)]
    pub max_retries: Option<i32>,
    /// Seconds before the first of these; null: as the job says.
    #[schema(minimum = 1, maximum = 86_400, example = 300)]
    pub retry_delay: Option<i32>,
    /// Null: as the job says.
    #[schema(minimum = 1, maximum = 86_400)]
    pub timeout_seconds: Option<i32>,
    /// Null: a run is never too late.
    #[schema(minimum = 0, maximum = 31_536_000, example = 300)]
    pub misfire_grace_seconds: Option<i32>,
    #[schema(value_type = CatchUpWord)]
    pub catch_up: String,
    #[schema(value_type = OverlapWord)]
    pub overlap: String,
    #[schema(minimum = 1, maximum = 1000, example = 3)]
    pub max_instances: i32,
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub max_runs: Option<i32>,
    pub pause_on_failure: bool,
    /// The schedules after whose runs it runs.
    #[schema(max_items = 50)]
    pub after: Vec<AfterGiven>,
    #[schema(value_type = JoinWord)]
    pub join: String,
    /// The template that it was made from.
    pub template: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
    pub status: Status,
    /// Why it is paused, failed or disabled.
    pub status_reason: Option<String>,
    /// The next due time.
    pub next_run_at: Option<DateTime<Utc>>,
    /// The same by the clock of `timezone`.
    #[schema(format = DateTime, example = "2026-01-06T06:30:00+07:00")]
    pub next_run_local: Option<String>,
    /// When the last run that has ended began.
    pub last_run_at: Option<DateTime<Utc>>,
    /// That run.
    pub last_execution_id: Option<Uuid>,
    pub counters: CountersView,
    /// `user:…`, `key:…`, or `code` for a schedule that the code declares.
    #[schema(example = "user:0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e")]
    pub created_by: String,
    /// What the creator said of itself.
    pub created_by_label: Option<String>,
    #[schema(example = "user:0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e")]
    pub updated_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Grows with every change; the `ETag` begins with it.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)]
    pub version: i64,
    pub origin: Origin,
}

/// When it is due.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct TimingView {
    #[schema(value_type = ScheduleType)]
    pub schedule_type: String,
    /// The expression that was given, or what the phrase became.
    #[schema(example = "30 6 * * 1-5")]
    pub cron_expression: Option<String>,
    /// Several of them.
    pub cron_expressions: Option<Vec<String>>,
    #[schema(example = "every weekday at 6:30am")]
    pub phrase: Option<String>,
    /// What is left out.
    pub exclude: Vec<ExcludeView>,
    #[schema(minimum = 1, maximum = 31_536_000)]
    pub interval_seconds: Option<u32>,
    pub anchor: Option<DateTime<Utc>>,
    pub run_at: Option<DateTime<Utc>>,
    #[schema(example = "Asia/Jakarta")]
    pub timezone: String,
    pub start_at: Option<DateTime<Utc>>,
    pub end_at: Option<DateTime<Utc>>,
    #[schema(minimum = 0, maximum = 86_400, example = 0)]
    pub jitter_seconds: i32,
    pub calendar: Option<CalendarUse>,
    pub dst_gap: Option<DstGap>,
    pub dst_overlap: Option<DstOverlap>,
}

/// One thing that is left out.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ExcludeView {
    /// A cron expression.
    Expression(String),
    Calendar {
        /// Its id.
        calendar: Uuid,
        name: String,
    },
}

/// The calendar inside which it runs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CalendarUse {
    pub id: Uuid,
    pub name: String,
    pub outside: Outside,
}

/// What it runs: a job, a command or a webhook.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct TargetView {
    #[schema(example = "engine.noop")]
    pub job: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub args: Option<Value>,
    pub target_command: Option<String>,
    pub command_payload: Option<Value>,
    pub webhook: Option<WebhookGiven>,
}

/// How a schedule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScheduleStatus)]
pub(crate) enum Status {
    /// It runs when it is due.
    Active,
    /// Somebody paused it, or a failure did.
    Paused,
    /// It has had its last run.
    Completed,
    /// Its only run failed.
    Failed,
    /// It cannot be read, or the code no longer declares it.
    Disabled,
}

impl Status {
    /// The word in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Disabled => "disabled",
        }
    }
}

/// Where a schedule comes from.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// Our own code declares it.
    Code,
    /// Somebody made it here.
    Api,
}

/// What has become of its runs and due times, counted as they end.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[schema(as = ScheduleCounters)]
pub(crate) struct CountersView {
    /// Runs that have ended, in whatever way.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub runs: i64,
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub succeeded: i64,
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub failed: i64,
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub missed: i64,
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub skipped: i64,
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub cancelled: i64,
}

impl ScheduleView {
    /// What the audit log keeps of it: not what changes by itself, and not what the log has anyway.
    ///
    /// # Errors
    /// `internal-error` when it cannot be serialised.
    pub fn for_audit(&self) -> Result<Value> {
        let mut value = serde_json::to_value(self)?;
        if let Some(members) = value.as_object_mut() {
            for name in
                ["id", "counters", "last_run_at", "last_execution_id", "next_run_local", "updated_at", "updated_by"]
            {
                members.remove(name);
            }
            members.retain(|_, value| !value.is_null() && *value != json!([]));
        }
        Ok(value)
    }

    /// The tag of this very answer.
    pub fn tag(&self) -> ContentTag {
        ContentTag::of(self.version, &serde_json::to_vec(self).unwrap_or_default())
    }
}

impl IntoResponse for ScheduleView {
    fn into_response(self) -> Response {
        (self.tag(), Json(self)).into_response()
    }
}
