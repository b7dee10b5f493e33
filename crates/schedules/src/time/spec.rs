//! When a schedule runs: its timing, its zone and what it leaves out.

use chrono::{DateTime, Datelike, DurationRound, TimeDelta, Utc};

use super::{Cron, DstGap, DstOverlap, Every, Occurrence, Zone, field::LAST_YEAR, rule::Rule};

/// How many runs in a row may be left out (a day of one that is excluded as a whole counts as one) before the
/// schedule is taken to be over.
const MAX_EXCLUDED: u32 = 10_000;

/// When a schedule runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The rhythm.
    pub timing: Timing,
    /// The zone whose clock is meant.
    pub zone: Zone,
    /// Local times at which it does not run. An expression without seconds leaves out whole minutes.
    pub exclude: Vec<Cron>,
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
}

impl Spec {
    /// One expression in one zone, with the default policies and nothing left out.
    pub fn cron(cron: Cron, zone: Zone) -> Self {
        let timing = Timing::Cron { exprs: vec![cron], gap: DstGap::default(), overlap: DstOverlap::default() };
        Self { timing, zone, exclude: Vec::new() }
    }

    /// The first run strictly after `after`, up to the end of 2199; nothing if there is none.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next_occurrence(after).map(|run| run.at)
    }

    /// As [`Spec::next_after`], with the local time that is meant and what a change of the clock did to it.
    pub fn next_occurrence(&self, after: DateTime<Utc>) -> Option<Occurrence> {
        // Inside the years in which local times can be computed and are searched.
        let mut after = after.max(first_instant());
        for _ in 0..MAX_EXCLUDED {
            if after.year() > i32::from(LAST_YEAR) {
                return None;
            }
            let run = self.candidate(after)?;
            match self.excluded_until(run.at) {
                None => return Some(run),
                Some(end) => after = end,
            }
        }
        None
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
        let next = |after| self.next_occurrence(after).filter(|run| run.at <= to);
        let mut last = next(from)?;
        let (mut low, mut high) = (last.at, to);
        // Runs lie a second apart or more, so that `low` ends at the last run or less than a second before it.
        while high - low >= TimeDelta::seconds(1) {
            let middle = low + (high - low) / 2;
            match next(middle) {
                Some(run) => (last, low) = (run, run.at),
                None => high = middle,
            }
        }
        Some(last)
    }

    fn candidate(&self, after: DateTime<Utc>) -> Option<Occurrence> {
        let plain = |at: DateTime<Utc>| (at.year() <= i32::from(LAST_YEAR)).then(|| self.plain(at));
        match &self.timing {
            Timing::Cron { exprs, gap, overlap } => exprs
                .iter()
                .filter_map(|cron| Rule { cron, zone: self.zone, gap: *gap, overlap: *overlap }.next(after))
                .min_by_key(|run| (run.at, run.note.is_some())),
            Timing::Interval { every, anchor } => every.next(*anchor, after).and_then(plain),
            Timing::Once { at } => Some(*at).filter(|at| *at > after).and_then(plain),
        }
    }

    fn plain(&self, at: DateTime<Utc>) -> Occurrence {
        Occurrence { at, local: self.zone.local(at), note: None }
    }

    /// If `at` is left out: an instant from which to search on, at or after `at` and before the next run that is not.
    fn excluded_until(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = self.zone.local(at);
        let end = self.exclude.iter().filter_map(|cron| cron.matches_until(local)).max()?;
        let minute_end = local.duration_trunc(TimeDelta::minutes(1)).ok()? + TimeDelta::minutes(1);
        // Where the clock changes before the end, go on by minutes, or from run to run.
        let lasts = [end, end.min(minute_end)].map(|end| at + (end - local - TimeDelta::nanoseconds(1)));
        Some(lasts.into_iter().find(|last| self.zone.offset(*last) == self.zone.offset(at)).unwrap_or(at))
    }
}

fn first_instant() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH - TimeDelta::seconds(1)
}
