//! The ledger: every due time of a schedule in a range, with what became of it.
//!
//! Due times are not stored one by one: they are computed from what counted when they came (`schedule_spans`, and the row for
//! the present), and each is matched with the execution that has it or stands for it. So no due time can be without an entry.

mod fate;
mod http;
mod spans;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Problem, Result};
use store::Db;

use crate::{
    ledger::{fate::Records, spans::Span},
    read::ScheduleRow,
    time::Due,
};

pub(crate) use fate::Entry;
pub(crate) use http::routes;

/// Lists the due times in (`from`, `to`], in order, at most `limit`.
///
/// # Errors
/// `internal-error` when a stored timing cannot be read; `unavailable` when Postgres is away.
pub(crate) async fn list(
    db: &Db,
    row: &ScheduleRow,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    limit: usize,
) -> Result<Vec<Entry>> {
    let spans = spans::of(db, row, (from, to)).await?;
    let due = due_times(&spans, (from, to), limit).map_err(Problem::internal)?;
    let Some(((_, first), (_, last))) = due.first().zip(due.last()) else { return Ok(Vec::new()) };
    let reach = (first.at, due.iter().filter_map(|(_, due)| fate::run_at(due)).max().unwrap_or(last.at).max(last.at));
    let records = Records::read(db, row.id, reach).await?;
    Ok(due.into_iter().map(|(span, due)| records.entry(span, &due)).collect())
}

/// The due times of each span, beside it.
fn due_times(
    spans: &[Span],
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    limit: usize,
) -> Result<Vec<(&Span, Due)>, String> {
    let mut found = Vec::new();
    for span in spans {
        if span.is_over() {
            continue;
        }
        let spec = crate::cache::spec(&span.timing)?;
        let after = span.from.max(from);
        let until = span.to.map_or(to, |end| end.min(to));
        let left = limit - found.len();
        found.extend(spec.dues(after).take_while(|due| due.at <= until).take(left).map(|due| (span, due)));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// A due time this far back that has no record has lost it to the retention, whatever the clocks.
pub(crate) const SLACK: TimeDelta = TimeDelta::minutes(1);
