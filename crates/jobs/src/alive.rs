//! The processes that are alive, for health pages and operators.

use chrono::{DateTime, Utc};
use kernel::Result;
use sea_orm::FromQueryResult;
use serde::Serialize;
use store::{Db, Sql};
use uuid::Uuid;

/// A process that has not ended and was heard of lately.
#[derive(Clone, Debug, FromQueryResult, Serialize)]
pub struct Alive {
    pub id: Uuid,
    pub role: String,
    pub version: String,
    pub started_at: DateTime<Utc>,
    pub heartbeat_at: DateTime<Utc>,
    /// How far the database is ahead of its machine, in milliseconds.
    pub clock_skew_ms: i64,
}

/// The processes that are alive, by role and age.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn alive(db: &Db) -> Result<Vec<Alive>> {
    db.conn().query(ALIVE, []).await
}

// By the database's own time: the caller's clock may not be corrected yet.
const ALIVE: &str = "
select id, role, version, started_at, heartbeat_at, clock_skew_ms from processes
where ended_at is null and heartbeat_at > clock_timestamp() - interval '20 seconds'
order by role, started_at";
