//! A slow, independent answer to "does a run fall on this second": it steps through seconds, knows no local-to-UTC
//! lookup, and asks croner about each local time.

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use croner::{CronPattern, time::Weekday};

use super::*;

pub struct Oracle {
    pub pattern: CronPattern,
    pub wildcard: bool,
    pub zone: Zone,
    pub policy: (DstGap, DstOverlap),
}

impl Oracle {
    fn matches(&self, local: NaiveDateTime) -> bool {
        let (date, weekday) = (local.date(), local.weekday().num_days_from_sunday());
        let p = &self.pattern;
        p.second_match(local.second()).unwrap()
            && p.minute_match(local.minute()).unwrap()
            && p.hour_match(local.hour()).unwrap()
            && p.month_match(date.month()).unwrap()
            && p.year_match(date.year()).unwrap()
            && p.day_match(date.year(), date.month(), date.day(), Weekday::from_days_from_sunday(weekday)).unwrap()
    }

    pub fn runs_at(&self, at: DateTime<Utc>) -> bool {
        let local = local(self.zone, at);
        self.matches(local) && self.pass_runs(at, local) || self.moved_to(at)
    }

    fn pass_runs(&self, at: DateTime<Utc>, shown: NaiveDateTime) -> bool {
        // The same time is shown again, or was shown before, at the distance of an offset that holds within a day.
        let twin = |probe: DateTime<Utc>| {
            let twin = (shown - offset(self.zone, probe)).and_utc();
            (local(self.zone, twin) == shown).then_some(twin)
        };
        let earlier = twin(at - TimeDelta::days(1)).is_some_and(|twin| twin < at);
        let later = twin(at + TimeDelta::days(1)).is_some_and(|twin| twin > at);
        match self.policy.1 {
            _ if self.wildcard => true,
            DstOverlap::First => !earlier,
            DstOverlap::Last => !later,
            DstOverlap::Both => true,
        }
    }

    fn moved_to(&self, at: DateTime<Utc>) -> bool {
        let second = TimeDelta::seconds(1);
        match self.policy.0 {
            DstGap::NextValid if !self.wildcard => {
                let mut skipped = local(self.zone, at - second) + second;
                while skipped < local(self.zone, at) {
                    if self.matches(skipped) {
                        return true;
                    }
                    skipped += second;
                }
                false
            }
            DstGap::Shift => {
                // What the clock would show, had it not jumped within the last day; skipped only if never shown.
                let before = offset(self.zone, at - TimeDelta::days(1));
                let unjumped = at.naive_utc() + before;
                let shown = (unjumped - offset(self.zone, at)).and_utc();
                before < offset(self.zone, at) && local(self.zone, shown) != unjumped && self.matches(unjumped)
            }
            DstGap::NextValid | DstGap::Skip => false,
        }
    }
}

pub fn offset(zone: Zone, at: DateTime<Utc>) -> TimeDelta {
    TimeDelta::seconds(zone.0.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc().into())
}

pub fn local(zone: Zone, at: DateTime<Utc>) -> NaiveDateTime {
    at.naive_utc() + offset(zone, at)
}

/// The first second of each new offset in a year. No two changes lie within a day of each other.
pub fn changes(zone: Zone, year: i32) -> Vec<DateTime<Utc>> {
    let day = TimeDelta::days(1);
    let begin = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap();
    let changed = |from: DateTime<Utc>| {
        let (mut low, mut high) = (from, from + day);
        while high - low > TimeDelta::seconds(1) {
            let middle = low + TimeDelta::seconds((high - low).num_seconds() / 2);
            *(if offset(zone, middle) == offset(zone, from) { &mut low } else { &mut high }) = middle;
        }
        high
    };
    std::iter::successors(Some(begin), |at| Some(*at + day))
        .take_while(|at| at.year() == year)
        .filter(|at| offset(zone, *at) != offset(zone, *at + day))
        .map(changed)
        .collect()
}
