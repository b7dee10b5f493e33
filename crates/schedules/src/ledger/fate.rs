//! What became of one due time.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use kernel::Result;
use sea_orm::FromQueryResult;
use serde::Serialize;
use store::{Db, Sql};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{SLACK, spans::Span};
use crate::time::{Becomes, Due};

/// What became of a due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LedgerOutcome)]
pub(crate) enum Outcome {
    /// It has an execution; its state says how that went.
    Ran,
    /// Another run stands for it.
    Collapsed,
    /// It was left out: `overlap`, `paused`, `calendar`, `excluded`, `disabled`, `cancelled`, `changed`.
    Skipped,
    /// It was not run: `no_worker`, `too_late`, `disabled`.
    Missed,
    /// It is still to come.
    Upcoming,
    /// It has come, and the next tick deals with it.
    Pending,
    /// Its record is older than the retention.
    Forgotten,
}

/// A due time with what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LedgerEntry)]
pub(crate) struct Entry {
    /// The due time.
    pub due_at: DateTime<Utc>,
    /// By the schedule's own clock.
    #[schema(value_type = String, example = "2026-03-02T09:00:00")]
    pub local: NaiveDateTime,
    pub outcome: Outcome,
    /// Why, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "overlap")]
    pub cause: Option<String>,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the run that it is, or that stands for it, was due, where that is another time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_at: Option<DateTime<Utc>>,
    /// The execution that it is, or that stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<Uuid>,
    /// Where that execution stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "succeeded")]
    pub execution_state: Option<String>,
}

#[derive(Clone, Debug, FromQueryResult)]
struct Record {
    id: Uuid,
    scheduled_for: DateTime<Utc>,
    covers_to: Option<DateTime<Utc>>,
    state: String,
    message: Option<String>,
    cause: Option<String>,
    started_at: Option<DateTime<Utc>>,
}

/// The executions of a schedule in a range.
pub(super) struct Records {
    by_time: BTreeMap<DateTime<Utc>, Record>,
    covering: Vec<Record>,
    now: DateTime<Utc>,
    first: Option<DateTime<Utc>>,
}

/// The instant at which `due` runs, if its timing lets it.
pub(super) fn run_at(due: &Due) -> Option<DateTime<Utc>> {
    match due.becomes {
        Becomes::Runs { at, .. } => Some(at),
        Becomes::Merged { into } => Some(into),
        Becomes::Closed | Becomes::Excluded => None,
    }
}

impl Records {
    /// Those whose due times, or the ones they stand for, are within.
    pub async fn read(db: &Db, schedule: Uuid, (first, last): (DateTime<Utc>, DateTime<Utc>)) -> Result<Self> {
        let range = [schedule.into(), first.into(), last.into()];
        let rows: Vec<Record> = db.conn().query(RECORDS, range.clone()).await?;
        let covering: Vec<Record> = db.conn().query(COVERING, range).await?;
        let first = db.conn().scalar(OLDEST, [schedule.into()]).await?.flatten();
        let by_time = rows.into_iter().map(|row| (row.scheduled_for, row)).collect();
        Ok(Self { by_time, covering, now: db.clock().now(), first })
    }

    /// The entry of one due time in the span that it belongs to.
    pub fn entry(&self, span: &Span, due: &Due) -> Entry {
        let mut entry = Entry {
            due_at: due.at,
            local: due.local,
            outcome: Outcome::Upcoming,
            cause: None,
            reason: None,
            run_at: run_at(due).filter(|at| *at != due.at),
            execution_id: None,
            execution_state: None,
        };
        let mut left_out = |outcome, cause: &str, reason: String| {
            entry.outcome = outcome;
            entry.cause = Some(cause.to_owned());
            entry.reason = Some(reason);
        };
        match (span.state.as_str(), due.becomes) {
            ("paused", _) => left_out(Outcome::Skipped, "paused", stopped("paused", span)),
            ("disabled", _) => left_out(Outcome::Skipped, "disabled", stopped("disabled", span)),
            (_, Becomes::Closed) => left_out(Outcome::Skipped, "calendar", "its calendar is closed".to_owned()),
            (_, Becomes::Excluded) => {
                left_out(Outcome::Skipped, "excluded", "the schedule leaves this time out".to_owned());
            }
            (_, Becomes::Runs { at, .. }) => self.run(span, at, &mut entry),
            (_, Becomes::Merged { into }) => {
                self.run(span, into, &mut entry);
                if entry.outcome == Outcome::Ran {
                    entry.outcome = Outcome::Collapsed;
                    entry.cause = Some("calendar".to_owned());
                    entry.reason = Some(format!("its calendar was closed; the run of {into} stands for it"));
                }
            }
        }
        entry
    }

    /// What became of the run at `at`.
    fn run(&self, span: &Span, at: DateTime<Utc>, entry: &mut Entry) {
        let covering = || self.covering.iter().rev().find(|row| row.scheduled_for <= at && row.covers_to >= Some(at));
        let Some(row) = self.by_time.get(&at).or_else(covering) else {
            (entry.outcome, entry.reason) = self.unrecorded(span, at);
            if entry.outcome == Outcome::Skipped {
                entry.cause = Some("changed".to_owned());
            }
            return;
        };
        entry.execution_id = Some(row.id);
        entry.execution_state = Some(row.state.clone());
        entry.reason.clone_from(&row.message);
        entry.run_at = (row.scheduled_for != entry.due_at).then_some(row.scheduled_for);
        let cause = row.cause.as_deref();
        let (outcome, cause) = match (row.state.as_str(), cause) {
            ("skipped" | "missed", Some("collapsed")) => (Outcome::Collapsed, cause),
            ("skipped", _) => (Outcome::Skipped, cause.or(Some("overlap"))),
            ("missed", Some("no_catch_up")) => (Outcome::Missed, Some("no_worker")),
            ("missed", _) => (Outcome::Missed, cause.or(Some("no_worker"))),
            ("cancelled", _) if row.started_at.is_none() => (Outcome::Skipped, Some("cancelled")),
            // A range that was missed and is run after all is one run.
            _ if row.scheduled_for != at => (Outcome::Collapsed, Some("collapsed")),
            _ => (Outcome::Ran, None),
        };
        entry.outcome = outcome;
        entry.cause = cause.map(str::to_owned);
    }

    fn unrecorded(&self, span: &Span, at: DateTime<Utc>) -> (Outcome, Option<String>) {
        if span.to.is_some_and(|end| at > end) {
            return (Outcome::Skipped, Some("the schedule was changed before its run was due".to_owned()));
        }
        if at > self.now {
            return (Outcome::Upcoming, None);
        }
        // Older records go first: what is missing before the oldest that is left was deleted with its time.
        if self.now - at > SLACK && self.first.is_none_or(|first| at < first) {
            return (Outcome::Forgotten, Some("its record is older than executions are kept".to_owned()));
        }
        (Outcome::Pending, Some("the next tick deals with it".to_owned()))
    }
}

fn stopped(how: &str, span: &Span) -> String {
    match &span.reason {
        Some(reason) => format!("the schedule was {how}: {reason}"),
        None => format!("the schedule was {how}"),
    }
}

const RECORDS: &str = "
select id, scheduled_for, covers_to, state, message, result ->> 'cause' as cause, started_at
from executions where schedule_id = $1 and scheduled_for between $2 and $3";

const COVERING: &str = "
select id, scheduled_for, covers_to, state, message, result ->> 'cause' as cause, started_at
from executions where schedule_id = $1 and covers_to >= $2 and scheduled_for <= $3
order by scheduled_for";

const OLDEST: &str = "select min(scheduled_for) from executions where schedule_id = $1";
