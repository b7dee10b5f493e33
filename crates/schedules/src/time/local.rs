//! Between local times and instants: which instants a local time names, and where an instant stands in a repeated hour.

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::GapInfo;

use super::zone::Zone;

/// The instants that a local time names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instants {
    /// As nearly always.
    One(DateTime<Utc>),
    /// The clock was put back and shows the time twice.
    Two { first: DateTime<Utc>, second: DateTime<Utc> },
    /// The clock jumped over it.
    None(Gap),
}

/// A stretch of local time that the clock jumped over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// The first instant after the jump.
    pub end: DateTime<Utc>,
    /// The local time at that instant.
    pub resumes: NaiveDateTime,
    /// How far the clock jumps.
    pub length: TimeDelta,
    /// The instant at which the clock would have shown the local time, had it not jumped.
    pub shifted: DateTime<Utc>,
}

/// Where an instant stands in a stretch of local time that the clock shows twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// The local time is shown once.
    Only,
    /// The first showing of a stretch that begins at this local time.
    First { begin: NaiveDateTime },
    /// The second showing of a stretch that ends before this local time.
    Second { end: NaiveDateTime },
}

impl Zone {
    /// What the clock shows at `at`, which lies within the searched years.
    pub(super) fn local(self, at: DateTime<Utc>) -> NaiveDateTime {
        at.naive_utc() + self.offset(at)
    }

    /// How far the clock is ahead of UTC at `at`.
    pub(super) fn offset(self, at: DateTime<Utc>) -> TimeDelta {
        seconds(&self.0.offset_from_utc_datetime(&at.naive_utc()))
    }

    /// The instants at which the clock shows `local`; nothing only where the zone's history is unknown.
    pub(super) fn instants(self, local: NaiveDateTime) -> Option<Instants> {
        let at = |offset: &_| (local - seconds(offset)).and_utc();
        Some(match self.0.offset_from_local_datetime(&local) {
            LocalResult::Single(offset) => Instants::One(at(&offset)),
            LocalResult::Ambiguous(before, after) => Instants::Two { first: at(&before), second: at(&after) },
            LocalResult::None => {
                let (begin, before) = GapInfo::new(&local, &self.0)?.begin?;
                let end = (begin - seconds(&before)).and_utc();
                let resumes = self.local(end);
                Instants::None(Gap { end, resumes, length: resumes - begin, shifted: at(&before) })
            }
        })
    }

    /// The first instant at which the clock shows `local` or has jumped over it.
    pub(super) fn first_showing(self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        Some(match self.instants(local)? {
            Instants::One(at) | Instants::Two { first: at, .. } => at,
            Instants::None(gap) => gap.end,
        })
    }

    /// Where `at` stands in a repeated stretch, if it does.
    pub(super) fn pass(self, at: DateTime<Utc>) -> Pass {
        let local = self.local(at);
        let LocalResult::Ambiguous(before, after) = self.0.offset_from_local_datetime(&local) else {
            return Pass::Only;
        };
        let (before, after) = (seconds(&before), seconds(&after));
        let change = self.change_between((local - before).and_utc(), (local - after).and_utc()).naive_utc();
        if self.offset(at) == before {
            Pass::First { begin: change + after }
        } else {
            Pass::Second { end: change + before }
        }
    }

    /// The second at which the clock changes, where it shows one offset at `from` and another at `to`.
    pub(super) fn change_between(self, from: DateTime<Utc>, to: DateTime<Utc>) -> DateTime<Utc> {
        let before = self.offset(from);
        let (mut low, mut high) = (from.timestamp(), to.timestamp());
        while low + 1 < high {
            let middle = low.midpoint(high);
            let known = DateTime::from_timestamp(middle, 0).unwrap_or(to);
            *(if self.offset(known) == before { &mut low } else { &mut high }) = middle;
        }
        DateTime::from_timestamp(high, 0).unwrap_or(to)
    }

    /// If the clock jumped forward lately: the skipped local time that it would show at `at`, had it not jumped.
    pub(super) fn skipped_at(self, at: DateTime<Utc>) -> Option<NaiveDateTime> {
        let a_day_ago = at.checked_sub_signed(TimeDelta::days(1))?; // no jump is longer
        let local = at.naive_utc() + self.offset(a_day_ago);
        matches!(self.instants(local), Some(Instants::None(gap)) if gap.shifted == at).then_some(local)
    }
}

fn seconds(offset: &impl Offset) -> TimeDelta {
    TimeDelta::seconds(offset.fix().local_minus_utc().into())
}
