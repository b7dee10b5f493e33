//! The checker: what must be true when the load is over and everything has come to rest, whatever happened meanwhile.

mod exclusive;
mod redis;
mod rest;
mod rows;
mod schedules;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{Db, Sql};
use testkit::Lane;

pub use self::{exclusive::exclusive, redis::leftovers, rest::rest, rows::rows, schedules::schedules};
use crate::{load::Schedules, report::Recovery};

/// Something that must not be.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which promise is broken.
    pub what: &'static str,
    /// The rows concerned, or words.
    pub evidence: String,
    /// When it began, to find the fault.
    pub at: Option<DateTime<Utc>>,
}

/// Everything that is not as it must be.
pub async fn check(lane: &Lane, load: &Schedules, recoveries: &[Recovery]) -> Vec<Violation> {
    let db: &Db = lane.db();
    let mut violations = rows(db).await;
    violations.extend(schedules(db, load).await);
    violations.extend(exclusive(db, recoveries).await);
    // A lock lives as long as a lease.
    let (mut connection, prefix, ttl) =
        (lane.redis().connection().await, &lane.config().redis.prefix, lane.config().engine.lease);
    violations.extend(leftovers(&mut connection, prefix, (ttl, redis::PATIENCE)).await);
    violations.extend(redis::kept(db, (&mut connection, prefix), ttl).await);
    violations.extend(rest(db).await);
    violations
}

/// Rows that are shown of each promise that is broken.
const SHOWN: u64 = 20;

/// A promise, and a query for what must not be: `row`, and `at`, when it began.
type Promise = (&'static str, &'static str);

#[derive(FromQueryResult)]
struct Row {
    row: Value,
    at: Option<DateTime<Utc>>,
}

/// Those of `promises` that are broken.
async fn broken(db: &Db, promises: &[Promise]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (what, sql) in promises {
        let rows: Vec<Row> = db.conn().query(sql, [SHOWN.cast_signed().into()]).await.unwrap();
        violations.extend(rows.into_iter().map(|row| Violation { what, evidence: row.row.to_string(), at: row.at }));
    }
    violations
}
