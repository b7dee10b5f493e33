//! Schedules that never run at all, told from those that are merely over.

use std::fmt;

use chrono::{DateTime, NaiveTime, Utc};

use super::{
    Spec, Timing, first_instant,
    search::{JUST, Search},
};

/// Why a schedule never runs. Its text can be shown to the user, after the name of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    /// It is never due, or never within its window.
    Due,
    /// All of its due times are left out.
    Excluded,
    /// The calendar is closed at all of its due times.
    Closed,
}

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Due => "has no due time",
            Self::Excluded => "leaves out every due time",
            Self::Closed => "is closed at every due time",
        })
    }
}

/// How long to look for a run before there is said to be none: fifteen hundred due times of one expression, four years of
/// a daily one, in a millisecond or two.
const PATIENCE: u32 = 12_000;
/// How long to look on special days.
const PATIENCE_SPECIAL: u32 = 6_000;
/// How long to look for whom to blame.
const PATIENCE_BLAME: u32 = 2_000;

impl Spec {
    /// Why there was never a run and never will be one. A rhythm of nothing ([`Timing::Never`]) is all right.
    ///
    /// The search is bounded: what leaves out thousands of due times in a row, in years that are like each other, counts as
    /// leaving out all.
    pub fn why_never(&self) -> Option<Never> {
        let past = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at <= first_instant());
        let over = match self.timing {
            Timing::Never => true,
            Timing::Once { at } => past(Some(at)),
            Timing::Cron { .. } | Timing::Interval { .. } => past(self.end_at),
        };
        let (excludes, encloses) =
            (!self.exclude.is_empty() || self.exclude_calendar.is_some(), self.calendar.is_some());
        if over {
            None
        } else if Search::new(self).raw(first_instant()).is_none() {
            Some(Never::Due)
        } else if !(excludes || encloses) || self.ever_runs() {
            None
        } else if !excludes {
            Some(Never::Closed)
        } else if !encloses {
            Some(Never::Excluded)
        } else {
            let allowed = Self { exclude: Vec::new(), exclude_calendar: None, ..self.clone() };
            let runs = Search::with_patience(&allowed, PATIENCE_BLAME).run(first_instant()).is_some();
            Some(if runs { Never::Excluded } else { Never::Closed })
        }
    }

    fn ever_runs(&self) -> bool {
        let mut search = Search::with_patience(self, PATIENCE);
        search.run(first_instant()).is_some() || search.gave_up() && self.runs_on_special_day()
    }

    /// Whether there is a run on one of the days on which a calendar is not as it is in other years.
    fn runs_on_special_day(&self) -> bool {
        let inside =
            self.calendar.iter().flat_map(|within| within.hours.extra_days().map(|date| (within.hours.zone(), date)));
        let outside =
            self.exclude_calendar.iter().flat_map(|hours| hours.special_days().map(|date| (hours.zone(), date)));
        let mut search = Search::with_patience(self, PATIENCE_SPECIAL);
        inside.chain(outside).any(|(zone, date)| {
            let begin = zone.first_showing(date.and_time(NaiveTime::MIN));
            let end = date.succ_opt().and_then(|date| zone.first_showing(date.and_time(NaiveTime::MIN)));
            search.until = end.map(|end| end - JUST);
            begin.is_some_and(|begin| search.run(begin - JUST).is_some())
        })
    }
}
