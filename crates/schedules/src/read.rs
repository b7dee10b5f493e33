//! The read model of schedules.

use chrono::{DateTime, Utc};
use kernel::{Actor, Result};
use sea_orm::FromQueryResult;
use serde::Serialize;
use serde_json::Value;
use store::{Db, Sql};
use uuid::Uuid;

use crate::timing::StoredTiming;

/// One schedule as it stands in its row.
#[derive(Clone, Debug, FromQueryResult, Serialize)]
pub struct ScheduleRow {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    pub origin: String,
    pub schedule_type: String,
    pub kind: String,
    pub args: Value,
    pub timing: Value,
    pub given: Value,
    pub priority: i16,
    pub tags: Vec<String>,
    pub catch_up: String,
    pub overlap: String,
    pub max_instances: i32,
    pub misfire_grace_seconds: Option<i32>,
    pub max_runs: Option<i32>,
    pub run_count: i64,
    pub jitter_seconds: i32,
    pub max_attempts: Option<i32>,
    pub retry_delay_seconds: Option<i32>,
    pub timeout_seconds: Option<i32>,
    pub pause_on_failure: bool,
    pub templated: bool,
    pub join_mode: String,
    pub calendar_id: Option<Uuid>,
    pub exclude_calendar_id: Option<Uuid>,
    pub state: String,
    pub state_reason: Option<String>,
    pub next_run_at: Option<DateTime<Utc>>,
    pub last_due_at: Option<DateTime<Utc>>,
    pub since: DateTime<Utc>,
    pub created_by: String,
    pub created_by_label: Option<String>,
    pub updated_by: String,
    pub owner_id: Option<Uuid>,
    pub secret_generation: i32,
    pub previous_secret_until: Option<DateTime<Utc>>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl ScheduleRow {
    /// The next `count` due times after `after`.
    ///
    /// # Errors
    /// In plain words, what of the stored timing cannot be read.
    pub fn upcoming(&self, after: DateTime<Utc>, count: usize) -> Result<Vec<DateTime<Utc>>, String> {
        Ok(self.stored_timing()?.spec()?.occurrences(after).map(|run| run.at).take(count).collect())
    }

    /// Demands that `actor` may change it: one's own schedules with `schedule.write`, others with `schedule.admin`. A person's
    /// own are also those that their API keys made.
    ///
    /// # Errors
    /// `forbidden` naming the permission that is missing.
    pub(crate) fn may_be_changed_by(&self, actor: &Actor) -> Result<()> {
        actor.require("schedule.write")?;
        let own =
            self.created_by == actor.identity() || (actor.key.is_none() && self.owner_id == Some(actor.user_id.0));
        if own { Ok(()) } else { actor.require("schedule.admin") }
    }

    /// The timing of its row.
    ///
    /// # Errors
    /// In plain words, what of it cannot be read.
    pub fn stored_timing(&self) -> Result<StoredTiming, String> {
        serde_json::from_value(self.timing.clone()).map_err(|error| error.to_string())
    }
}

/// What has become of the executions of a schedule, counted as they end.
#[derive(Clone, Debug, Default, FromQueryResult, Serialize)]
pub struct Counters {
    pub runs: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub cancelled: i64,
    pub missed: i64,
    pub skipped: i64,
    pub last_run_at: Option<DateTime<Utc>>,
    pub last_success_at: Option<DateTime<Utc>>,
    pub last_failure_at: Option<DateTime<Utc>>,
    pub last_execution_id: Option<Uuid>,
}

/// Every schedule that is not deleted, by name.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn list(db: &Db) -> Result<Vec<ScheduleRow>> {
    db.conn().query("select * from schedules where deleted_at is null order by name, id", []).await
}

/// The schedule of that name, if there is one; one that the code declares before others.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn find_by_name(db: &Db, name: &str) -> Result<Option<ScheduleRow>> {
    db.conn().query_opt(BY_NAME, [name.into()]).await
}

const BY_NAME: &str =
    "select * from schedules where name = $1 and deleted_at is null order by origin = 'code' desc, id limit 1";

/// The schedule `id`, unless it is deleted or does not exist.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<ScheduleRow>> {
    sql.query_opt("select * from schedules where id = $1 and deleted_at is null", [id.into()]).await
}

/// Those of `ids` that exist and are not deleted, in the order of their ids.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn find_many(sql: &impl Sql, ids: &[Uuid]) -> Result<Vec<ScheduleRow>> {
    sql.query("select * from schedules where id = any($1) and deleted_at is null order by id", [ids.to_vec().into()])
        .await
}

/// Its counters; zeros before its first run.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn counters(sql: &impl Sql, id: Uuid) -> Result<Counters> {
    let found = sql.query_opt("select * from schedule_counters where schedule_id = $1", [id.into()]).await?;
    Ok(found.unwrap_or_default())
}
