//! Which days of a month match, for every sort of month: four lengths times seven weekdays on which it can begin.
//!
//! croner is asked about each sort once, when an expression is parsed. So the rules of `L`, `W` and `#` stay its own,
//! and the search is left with bit sets: croner's own takes up to 140 ms before it gives an impossible date up.

use chrono::{Datelike, NaiveDate};
use croner::{
    CronPattern,
    time::{Weekday, days_in_month},
};

/// In 28 years from here every sort of month occurs, and no century breaks the row of leap years.
const SAMPLE_YEARS: std::ops::Range<i32> = 2000..2028;

/// The matching days (bit 1 to 31) of every sort of month.
pub(super) struct Months([u64; 28]);

impl Months {
    /// Asks croner.
    pub fn new(pattern: &CronPattern) -> Self {
        let mut days = [None; 28];
        for (year, month) in SAMPLE_YEARS.flat_map(|year| (1..=12).map(move |month| (year, month))) {
            let slot = &mut days[sort(year, month)];
            *slot = slot.or_else(|| Some(matching_days(pattern, year, month)));
        }
        Self(days.map(Option::unwrap_or_default))
    }

    /// The matching days of one month; `month` is 1 to 12.
    pub fn days(&self, year: i32, month: u32) -> u64 {
        self.0[sort(year, month)]
    }
}

fn sort(year: i32, month: u32) -> usize {
    let begins = first_weekday(year, month).num_days_from_sunday();
    (begins + 7 * (days_in_month(year, month) - 28)) as usize
}

fn first_weekday(year: i32, month: u32) -> Weekday {
    let days = NaiveDate::from_ymd_opt(year, month, 1).map_or(0, |first| first.weekday().num_days_from_sunday());
    Weekday::from_days_from_sunday(days)
}

fn matching_days(pattern: &CronPattern, year: i32, month: u32) -> u64 {
    let begins = first_weekday(year, month);
    let matches = |day: &u32| pattern.day_match(year, month, *day, begins.shift(*day as i32 - 1)).unwrap_or(false);
    (1..=days_in_month(year, month)).filter(matches).fold(0, |days, day| days | 1 << day)
}
