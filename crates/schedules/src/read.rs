//! The read model of schedules.

use chrono::{DateTime, Utc};
use kernel::Result;
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
    pub kind: String,
    pub args: Value,
    pub timing: Value,
    pub catch_up: String,
    pub overlap: String,
    pub misfire_grace_seconds: Option<i32>,
    pub state: String,
    pub state_reason: Option<String>,
    pub next_run_at: Option<DateTime<Utc>>,
    pub last_due_at: Option<DateTime<Utc>>,
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
        let timing: StoredTiming = serde_json::from_value(self.timing.clone()).map_err(|error| error.to_string())?;
        Ok(timing.spec()?.occurrences(after).map(|run| run.at).take(count).collect())
    }
}

/// Every schedule, by name.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn list(db: &Db) -> Result<Vec<ScheduleRow>> {
    db.conn().query("select * from schedules order by name, id", []).await
}

/// The schedule of that name, if there is one.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn find_by_name(db: &Db, name: &str) -> Result<Option<ScheduleRow>> {
    db.conn().query_opt("select * from schedules where name = $1 order by id limit 1", [name.into()]).await
}
