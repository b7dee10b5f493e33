//! The checker: what must be true when the load is over and everything has come to rest, whatever happened meanwhile.

mod redis;
mod rows;
mod schedules;

use chrono::{DateTime, Utc};
use store::Db;
use testkit::Lane;

pub use self::{rows::rows, schedules::schedules};
use crate::load::Schedules;

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
pub async fn check(lane: &Lane, load: &Schedules) -> Vec<Violation> {
    let db: &Db = lane.db();
    let mut violations = rows(db).await;
    violations.extend(schedules(db, load).await);
    violations.extend(redis::leftovers(lane).await);
    violations
}
