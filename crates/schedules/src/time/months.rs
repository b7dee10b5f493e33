//! Which days of a month match, for every sort of month: four lengths times seven weekdays on which it can begin.
//!
//! croner is asked about each sort once, when an expression is parsed. So the rules of `L`, `W` and `#` stay its own,
//! and the search is left with bit sets: croner's own takes up to 140 ms before it gives an impossible date up.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use chrono::{Datelike, NaiveDate};
use croner::{
    CronPattern,
    time::{Weekday, days_in_month},
};

/// In 28 years from here every sort of month occurs, and no century breaks the row of leap years.
const SAMPLE_YEARS: std::ops::Range<i32> = 2000..2028;

/// The matching days (bit 1 to 31) of every sort of month.
#[derive(Clone)]
pub(super) struct Months(Arc<[u64; 28]>);

/// Answers by the text of the two day fields: most expressions have the same few, and asking is most of parsing.
static KNOWN: LazyLock<Mutex<HashMap<String, Months>>> = LazyLock::new(Mutex::default);
/// The most that are kept; beyond that it starts anew.
const MOST_KNOWN: usize = 2_000;

impl Months {
    /// Asks croner, once for the same `day_fields`, which are those of `pattern`.
    pub fn new(pattern: &CronPattern, day_fields: &str) -> Self {
        if let Some(known) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(day_fields) {
            return known.clone();
        }
        let mut days = [None; 28];
        for (year, month) in SAMPLE_YEARS.flat_map(|year| (1..=12).map(move |month| (year, month))) {
            let slot = &mut days[sort(year, month)];
            *slot = slot.or_else(|| Some(matching_days(pattern, year, month)));
        }
        let asked = Self(Arc::new(days.map(Option::unwrap_or_default)));
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(day_fields.to_owned(), asked.clone());
        asked
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
