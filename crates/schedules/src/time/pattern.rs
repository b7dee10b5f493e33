//! The search for the next matching local time, on bit sets.

use chrono::{Datelike, DurationRound, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use croner::{CronComponent, CronPattern};

use super::{
    field::{FIRST_YEAR, LAST_YEAR},
    months::Months,
};

const SIXTY: u64 = (1 << 60) - 1;
const DAY: u64 = (1 << 24) - 1;

/// What an expression is exact to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Resolution {
    /// It has no seconds.
    Minute,
    /// It has seconds.
    Second,
}

/// A pattern over naive local time.
pub(super) struct Pattern {
    /// One bit per year from the first.
    years: [u64; 4],
    months: u64,
    days: Months,
    hours: u64,
    minutes: u64,
    seconds: u64,
}

impl Pattern {
    pub fn new(pattern: &CronPattern, day_fields: &str) -> Self {
        let bits = |component: &CronComponent| component.values().iter().fold(0, |bits, n| bits | 1 << n);
        let mut years = [0; 4];
        for year in (FIRST_YEAR..=LAST_YEAR).filter(|year| pattern.year_match((*year).into()).unwrap_or(false)) {
            let index = usize::from(year - FIRST_YEAR);
            years[index / 64] |= 1 << (index % 64);
        }
        Self {
            years,
            months: bits(&pattern.months),
            days: Months::new(pattern, day_fields),
            hours: bits(&pattern.hours),
            minutes: bits(&pattern.minutes),
            seconds: bits(&pattern.seconds),
        }
    }

    /// Whether any date of the searched years matches.
    pub fn can_match(&self) -> bool {
        NaiveDate::from_yo_opt(FIRST_YEAR.into(), 1).and_then(|first| self.day_at_or_after(first)).is_some()
    }

    /// The first match at or after `from` (in whole seconds), up to the end of the last year.
    pub fn at_or_after(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let date = self.day_at_or_after(from.date())?;
        if date == from.date() {
            if let Some(time) = self.time_at_or_after(from.time()) {
                return Some(date.and_time(time));
            }
            return self.at_or_after(date.succ_opt()?.and_time(NaiveTime::MIN));
        }
        self.time_at_or_after(NaiveTime::MIN).map(|time| date.and_time(time))
    }

    /// Whether `at` (in whole seconds) matches.
    pub fn matches(&self, at: NaiveDateTime) -> bool {
        let bit = |bits: u64, n: u32| bits & (1 << n) != 0;
        bit(self.hours, at.hour())
            && bit(self.minutes, at.minute())
            && bit(self.seconds, at.second())
            && bit(self.days_of(at.year(), at.month()), at.day())
    }

    /// When the unbroken stretch of matches that holds `at` ends, as far as whole minutes, hours or days tell.
    pub fn matches_until(&self, at: NaiveDateTime, resolution: Resolution) -> Option<NaiveDateTime> {
        let (at, seconds) = match resolution {
            Resolution::Minute => (at.duration_trunc(TimeDelta::minutes(1)).ok()?, SIXTY),
            Resolution::Second => (at, self.seconds),
        };
        let stretch = match (seconds, self.minutes, self.hours) {
            (SIXTY, SIXTY, DAY) => TimeDelta::days(1),
            (SIXTY, SIXTY, _) => TimeDelta::hours(1),
            (SIXTY, _, _) => TimeDelta::minutes(1),
            _ => TimeDelta::seconds(1),
        };
        let begin = at.duration_trunc(stretch).ok()?;
        self.matches(at).then(|| begin.checked_add_signed(stretch)).flatten()
    }

    /// The matching days of a month; none when its year or the month itself does not match.
    fn days_of(&self, year: i32, month: u32) -> u64 {
        let index = usize::try_from(year - i32::from(FIRST_YEAR)).unwrap_or(usize::MAX);
        let year_bits = self.years.get(index / 64).copied().unwrap_or(0);
        if year_bits & (1 << (index % 64)) != 0 && self.months & (1 << month) != 0 {
            self.days.days(year, month)
        } else {
            0
        }
    }

    fn day_at_or_after(&self, from: NaiveDate) -> Option<NaiveDate> {
        let (mut first_month, mut first_day) = (from.month(), from.day());
        for year in from.year()..=i32::from(LAST_YEAR) {
            for month in first_month..=12 {
                if let Some(day) = next_bit(self.days_of(year, month), first_day) {
                    return NaiveDate::from_ymd_opt(year, month, day);
                }
                first_day = 1;
            }
            first_month = 1;
        }
        None
    }

    fn time_at_or_after(&self, from: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (from.hour(), from.minute(), from.second());
        let first_minute = self.minutes.trailing_zeros();
        let first_second = self.seconds.trailing_zeros();
        if self.hours & (1 << hour) != 0 {
            if self.minutes & (1 << minute) != 0
                && let Some(second) = next_bit(self.seconds, second)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = next_bit(self.minutes, minute + 1) {
                return NaiveTime::from_hms_opt(hour, minute, first_second);
            }
        }
        let hour = next_bit(self.hours, hour + 1)?;
        NaiveTime::from_hms_opt(hour, first_minute, first_second)
    }
}

/// The lowest set bit of `bits` that is not below `from` (at most 63).
fn next_bit(bits: u64, from: u32) -> Option<u32> {
    let rest = bits & (u64::MAX << from);
    (rest != 0).then(|| rest.trailing_zeros())
}
