//! What counted for a schedule, and from when to when.

use chrono::{DateTime, Utc};
use kernel::{Problem, Result};
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{Db, Sql};

use crate::{read::ScheduleRow, timing::StoredTiming};

/// A stretch of time in which nothing of a schedule changed.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// Exclusive.
    pub from: DateTime<Utc>,
    /// Inclusive; nothing for the present one.
    pub to: Option<DateTime<Utc>>,
    pub state: String,
    pub reason: Option<String>,
    pub timing: StoredTiming,
}

impl Span {
    /// Whether the schedule had come to its end: there are no due times any more.
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "completed" | "failed")
    }
}

#[derive(FromQueryResult)]
struct Row {
    from_at: DateTime<Utc>,
    to_at: DateTime<Utc>,
    state: String,
    reason: Option<String>,
    timing: Value,
}

/// The spans of `row` that touch (`from`, `to`], in order; the present one is the last.
pub(super) async fn of(db: &Db, row: &ScheduleRow, (from, to): (DateTime<Utc>, DateTime<Utc>)) -> Result<Vec<Span>> {
    let past: Vec<Row> = db.conn().query(SPANS, [row.id.into(), from.into(), to.into()]).await?;
    let read = |timing: Value| serde_json::from_value::<StoredTiming>(timing).map_err(Problem::internal);
    let mut spans = Vec::with_capacity(past.len() + 1);
    for past in past {
        let timing = read(past.timing)?;
        let (state, reason) = (past.state, past.reason);
        spans.push(Span { from: past.from_at, to: Some(past.to_at), state, reason, timing });
    }
    if row.since < to {
        let (state, reason) = (row.state.clone(), row.state_reason.clone());
        spans.push(Span { from: row.since, to: None, state, reason, timing: read(row.timing.clone())? });
    }
    Ok(spans)
}

const SPANS: &str = "
select from_at, to_at, state, reason, timing from schedule_spans
where schedule_id = $1 and to_at > $2 and from_at < $3
order by from_at, to_at";
