//! When a schedule runs: its timing, its zone, its window, its calendar and what it leaves out.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Cron, DstGap, DstOverlap, Every, Occurrence, OpenHours, Zone, search::Search};

/// When a schedule runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The rhythm.
    pub timing: Timing,
    /// The zone whose clock is meant.
    pub zone: Zone,
    /// Nothing is due before it.
    pub start_at: Option<DateTime<Utc>>,
    /// Nothing is due after it, and nothing runs after it.
    pub end_at: Option<DateTime<Utc>>,
    /// It runs only while this is open.
    pub calendar: Option<Within>,
    /// Local times at which it does not run. An expression without seconds leaves out whole minutes.
    pub exclude: Vec<Cron>,
    /// It does not run while this is open.
    pub exclude_calendar: Option<Arc<OpenHours>>,
}

/// A calendar inside which a schedule runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Within {
    /// When it is open.
    pub hours: Arc<OpenHours>,
    /// What becomes of due times at which it is not.
    pub outside: Outside,
}

/// What becomes of a due time at which the calendar is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// It does not run.
    #[default]
    Skip,
    /// It runs when the calendar opens. Several that wait for the same opening are one run.
    NextOpen,
}

/// The rhythm of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Whenever any of the expressions matches; two at the same instant are one run.
    Cron {
        /// The expressions.
        exprs: Vec<Cron>,
        /// What becomes of local times that do not exist.
        gap: DstGap,
        /// What becomes of local times that exist twice.
        overlap: DstOverlap,
    },
    /// At a fixed distance.
    Interval {
        /// The distance.
        every: Every,
        /// The first run, from which the others are counted.
        anchor: DateTime<Utc>,
    },
    /// A single run.
    Once {
        /// When.
        at: DateTime<Utc>,
    },
    /// Never by itself: it runs after others, or by hand.
    Never,
}

impl Spec {
    /// A rhythm in a zone, with no window and no calendar and nothing left out.
    pub fn new(timing: Timing, zone: Zone) -> Self {
        Self { timing, zone, start_at: None, end_at: None, calendar: None, exclude: Vec::new(), exclude_calendar: None }
    }

    /// One expression in one zone, with the default policies and nothing left out.
    pub fn cron(cron: Cron, zone: Zone) -> Self {
        Self::new(Timing::Cron { exprs: vec![cron], gap: DstGap::default(), overlap: DstOverlap::default() }, zone)
    }

    /// The first run strictly after `after`, up to the end of 2199; nothing if there is none.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next_occurrence(after).map(|run| run.at)
    }

    /// As [`Spec::next_after`], with the local time that is meant and what the clock or the calendar did to it.
    pub fn next_occurrence(&self, after: DateTime<Utc>) -> Option<Occurrence> {
        Search::new(self).run(after)
    }

    /// The runs strictly after `after`, in order.
    pub fn occurrences(&self, after: DateTime<Utc>) -> impl Iterator<Item = Occurrence> + '_ {
        std::iter::successors(self.next_occurrence(after), |run| self.next_occurrence(run.at))
    }

    /// The runs strictly after `from` and not after `to`, in order, at most `bound` of them.
    pub fn occurrences_between(&self, from: DateTime<Utc>, to: DateTime<Utc>, bound: usize) -> Vec<Occurrence> {
        self.occurrences(from).take_while(|run| run.at <= to).take(bound).collect()
    }

    /// The last run strictly after `from` and not after `to`, in a few dozen steps however many runs there are.
    pub fn last_between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Occurrence> {
        last(from, to, |after| self.next_occurrence(after))
    }
}

/// The last of what `next` counts, strictly after `from` and not after `to`, found by halving.
pub(super) fn last(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    mut next: impl FnMut(DateTime<Utc>) -> Option<Occurrence>,
) -> Option<Occurrence> {
    let mut next = |after| next(after).filter(|run| run.at <= to);
    let mut last = next(from)?;
    let (mut low, mut high) = (last.at, to);
    while high - low >= TimeDelta::seconds(1) {
        let middle = low + (high - low) / 2;
        match next(middle) {
            Some(run) => (last, low) = (run, run.at),
            None => high = middle,
        }
    }
    // Due times lie a second apart or more, but an opening may fall between two that are not whole seconds.
    while let Some(run) = next(last.at) {
        last = run;
    }
    Some(last)
}
