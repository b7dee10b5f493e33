//! From a cron expression to instants: the next run of one expression in one zone under one policy.
//!
//! Runs are searched in local time, where the first showing of every time comes in the order of the instants. Two kinds
//! do not: the second showing of a repeated stretch, and times shifted out of a gap. They matter only while that
//! stretch, or that gap's length after the jump, is being passed, and are searched beside the others then.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike, Utc};

use super::{
    Cron, DstGap, DstOverlap, Note, Occurrence, Zone,
    local::{Gap, Instants, Pass},
};

/// How one expression becomes instants.
#[derive(Clone, Copy)]
pub(super) struct Rule<'a> {
    pub cron: &'a Cron,
    pub zone: Zone,
    pub gap: DstGap,
    pub overlap: DstOverlap,
}

impl Rule<'_> {
    /// The first run strictly after `after`, which lies within the searched years.
    pub fn next(self, after: DateTime<Utc>) -> Option<Occurrence> {
        let next_second = |local: NaiveDateTime| Some(local.with_nanosecond(0)? + TimeDelta::seconds(1));
        let ahead = next_second(self.zone.local(after))?;
        let (from, again) = match (self.zone.pass(after), self.overlap()) {
            (Pass::Only, _) | (Pass::First { .. }, DstOverlap::First) | (Pass::Second { .. }, DstOverlap::Last) => {
                (ahead, None)
            }
            (Pass::First { begin }, DstOverlap::Last) => (begin, None),
            (Pass::First { begin }, DstOverlap::Both) => (ahead, Some(begin)),
            (Pass::Second { end }, DstOverlap::First) => (end, None),
            (Pass::Second { end }, DstOverlap::Both) => (end, Some(ahead)),
        };
        let again = again.and_then(|from| self.second_pass(from));
        let shifted = match self.gap {
            DstGap::Shift => self.zone.skipped_at(after).and_then(next_second).and_then(|from| self.shifted(from)),
            DstGap::NextValid | DstGap::Skip => None,
        };
        [self.forward(from), again, shifted].into_iter().flatten().min_by_key(|run| run.at)
    }

    /// Wildcards follow the clock through both passes.
    fn overlap(self) -> DstOverlap {
        if self.cron.is_wildcard() { DstOverlap::Both } else { self.overlap }
    }

    /// The first run whose local time is not before `from`, apart from second passes under [`DstOverlap::Both`].
    fn forward(self, mut from: NaiveDateTime) -> Option<Occurrence> {
        let mut dropped = None;
        loop {
            // Every round passes another gap, and the search ends with the last year.
            let local = self.cron.at_or_after(from)?;
            let (at, note) = match self.zone.instants(local)? {
                Instants::One(at) => (at, dropped.map(Note::AfterDropped)),
                Instants::Two { first, second } => match self.overlap() {
                    DstOverlap::First => (first, Some(Note::OnePass)),
                    DstOverlap::Last => (second, Some(Note::OnePass)),
                    DstOverlap::Both => (first, dropped.map(Note::AfterDropped)),
                },
                Instants::None(gap) => match self.gap {
                    // A time that falls on the end of the gap anyway swallows those that are moved there.
                    DstGap::NextValid if !self.cron.is_wildcard() && self.cron.matches(gap.resumes) => {
                        return self.forward(gap.resumes);
                    }
                    DstGap::NextValid if !self.cron.is_wildcard() => (gap.end, Some(Note::Moved)),
                    DstGap::Shift => {
                        return Some(self.regular(gap).unwrap_or(Occurrence {
                            at: gap.shifted,
                            local,
                            note: Some(Note::Moved),
                        }));
                    }
                    DstGap::NextValid | DstGap::Skip => {
                        dropped = dropped.or(Some(local));
                        from = gap.resumes;
                        continue;
                    }
                },
            };
            return Some(Occurrence { at, local, note });
        }
    }

    /// The first run after a gap, if it is not later than the one shifted out of it.
    fn regular(self, gap: Gap) -> Option<Occurrence> {
        let local = self.cron.at_or_after(gap.resumes)?;
        match self.zone.instants(local)? {
            Instants::One(at) if at <= gap.shifted => Some(Occurrence { at, local, note: None }),
            _ => None,
        }
    }

    /// The first second run of a repeated local time that is not before `from`, while times repeat.
    fn second_pass(self, from: NaiveDateTime) -> Option<Occurrence> {
        let local = self.cron.at_or_after(from)?;
        match self.zone.instants(local)? {
            Instants::Two { second, .. } => Some(Occurrence { at: second, local, note: Some(Note::SecondPass) }),
            Instants::One(_) | Instants::None(_) => None,
        }
    }

    /// The first run shifted out of a gap that is not before `from` there.
    fn shifted(self, from: NaiveDateTime) -> Option<Occurrence> {
        let local = self.cron.at_or_after(from)?;
        match self.zone.instants(local)? {
            Instants::None(gap) => Some(Occurrence { at: gap.shifted, local, note: Some(Note::Moved) }),
            Instants::One(_) | Instants::Two { .. } => None,
        }
    }
}
