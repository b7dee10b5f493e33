//! What ended lately.

use chrono::{DateTime, Utc};
use kernel::{Page, Result};
use store::Db;
use uuid::Uuid;

use crate::row::{Row, columns};

/// Where a page ended: the end of its last execution, and its id.
pub(crate) type Place = (DateTime<Utc>, Uuid);

/// One page of what ended after `since`, the latest end first.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn recent(db: &Db, since: DateTime<Utc>, below: Option<Place>, limit: u64) -> Result<Page<Row>> {
    let (at, id) = below.unzip();
    let query = sqlx::query_as(RECENT).persistent(false).bind(since).bind(at).bind(id).bind(limit as i64 + 1);
    let rows: Vec<Row> = query.fetch_all(db.pool()).await?;
    Ok(Page::cut(rows, limit, |row| (row.finished_at, row.id)))
}

/// The index knows the order of ends; only what ended in the same microsecond is sorted by id.
const RECENT: &str = concat!(
    "select ",
    columns!(),
    ", s.name as schedule_name \
     from executions e left join schedules s on s.id = e.schedule_id \
     where e.finished_at > $1 and ($2::timestamptz is null or (e.finished_at, e.id) < ($2, $3::uuid)) \
     order by e.finished_at desc, e.id desc limit $4"
);
