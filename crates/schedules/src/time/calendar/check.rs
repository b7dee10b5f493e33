//! From the rules as they are written to [`OpenHours`], or to everything that is wrong with them.

use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use kernel::FieldError;

use super::{
    Calendar, Hours, MOST_EXTRA_DAYS, MOST_HOLIDAYS, MOST_RANGES, OpenHours,
    open::{DayHours, Yearly},
};
use crate::time::{
    Zone,
    field::{FIRST_YEAR, LAST_YEAR, digits},
};

const MINUTES_A_DAY: u16 = 24 * 60;

impl Calendar {
    /// What follows from the rules.
    ///
    /// # Errors
    /// Everything that is wrong with them, each by its JSON pointer within the calendar (`/weekly/mon/0/close`).
    pub fn open_hours(&self) -> Result<OpenHours, Vec<FieldError>> {
        let mut wrong = Wrong::default();
        let zone = Zone::from_str(&self.timezone).map_err(|error| wrong.say("/timezone", error.to_string()));
        let weekly = self.weekly.days().map(|(day, hours)| wrong.ranges(&format!("/weekly/{day}"), hours));
        let (yearly, holidays) = wrong.holidays(&self.holidays);
        let extra = wrong.extra_days(self);
        if wrong.0.is_empty() && never_open(&weekly, &yearly, &extra) {
            wrong.say("/weekly", "is never open: give at least one day opening hours");
        }
        match zone {
            Ok(zone) if wrong.0.is_empty() => Ok(OpenHours::new(zone, (weekly, yearly), holidays, extra)),
            _ => Err(wrong.0),
        }
    }
}

fn never_open(weekly: &[DayHours; 7], yearly: &Yearly, extra: &[(NaiveDate, DayHours)]) -> bool {
    extra.is_empty() && (weekly.iter().all(DayHours::is_closed) || yearly.is_every_day())
}

/// What is wrong so far.
#[derive(Default)]
struct Wrong(Vec<FieldError>);

impl Wrong {
    fn say(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { pointer: pointer.into(), message: message.into() });
    }

    fn ranges(&mut self, pointer: &str, hours: &[Hours]) -> DayHours {
        if hours.len() > MOST_RANGES {
            self.say(pointer, format!("has more than {MOST_RANGES} ranges"));
            return DayHours::default();
        }
        let ranges = hours.iter().enumerate().filter_map(|(i, hours)| self.range(&format!("{pointer}/{i}"), hours));
        DayHours::new(ranges.collect())
    }

    fn range(&mut self, pointer: &str, hours: &Hours) -> Option<(u16, u16)> {
        let open = minutes(&hours.open).filter(|open| *open < MINUTES_A_DAY);
        let close = minutes(&hours.close);
        if open.is_none() {
            self.say(format!("{pointer}/open"), "is not a time from 00:00 to 23:59, written HH:MM");
        }
        if close.is_none() {
            self.say(format!("{pointer}/close"), "is not a time from 00:01 to 24:00, written HH:MM");
        }
        let (open, close) = (open?, close?);
        if open < close {
            return Some((open, close));
        }
        let message = match close {
            0 => "is the beginning of the day; write 24:00 for its end".to_owned(),
            _ if open == close => "is when it opens: such a range is empty".to_owned(),
            _ => format!(
                "is before it opens; for hours over midnight give two ranges: {} to 24:00, and 00:00 to {} on the next day",
                hours.open, hours.close
            ),
        };
        self.say(format!("{pointer}/close"), message);
        None
    }

    fn holidays(&mut self, texts: &[String]) -> (Yearly, Vec<NaiveDate>) {
        let (mut yearly, mut dates) = (Yearly::default(), Vec::new());
        if texts.len() > MOST_HOLIDAYS {
            self.say("/holidays", format!("are more than {MOST_HOLIDAYS}"));
            return (yearly, dates);
        }
        for (i, text) in texts.iter().enumerate() {
            match (date(text), every_year(text)) {
                (Some(date), _) => dates.push(date),
                (None, Some(date)) => yearly.add(date.month(), date.day()),
                (None, None) => self.say(
                    format!("/holidays/{i}"),
                    "is neither a date such as 2026-12-25 nor a day of every year such as --12-25",
                ),
            }
        }
        (yearly, dates)
    }

    fn extra_days(&mut self, calendar: &Calendar) -> Vec<(NaiveDate, DayHours)> {
        let days = &calendar.extra_days;
        if days.len() > MOST_EXTRA_DAYS {
            self.say("/extra_days", format!("are more than {MOST_EXTRA_DAYS}"));
            return Vec::new();
        }
        let mut found = std::collections::BTreeMap::new();
        for (i, day) in days.iter().enumerate() {
            let pointer = format!("/extra_days/{i}");
            let hours = self.ranges(&format!("{pointer}/hours"), &day.hours);
            if day.hours.is_empty() {
                self.say(format!("{pointer}/hours"), "is empty; a day without hours is a holiday");
            }
            match date(&day.date) {
                None => self.say(format!("{pointer}/date"), "is not a date such as 2026-12-27"),
                Some(date) if found.insert(date, hours).is_some() => {
                    self.say(format!("{pointer}/date"), "is listed already; give its ranges together");
                }
                Some(_) => {}
            }
        }
        found.into_iter().collect()
    }
}

/// `HH:MM` up to 24:00, in minutes.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2)?;
    let (hour, minute) = (digits(hour)?, digits(minute).filter(|minute| *minute < 60)?);
    Some(hour * 60 + minute).filter(|minutes| *minutes <= MINUTES_A_DAY)
}

/// `2026-12-25`.
fn date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let year = digits(year).filter(|year| (FIRST_YEAR..=LAST_YEAR).contains(year))?;
    NaiveDate::from_ymd_opt(year.into(), digits(month)?.into(), digits(day)?.into())
}

/// `--12-25` or `12-25`, as that day of a leap year.
fn every_year(text: &str) -> Option<NaiveDate> {
    let text = text.strip_prefix("--").unwrap_or(text);
    (text.len() == 5).then(|| date(&format!("2024-{text}"))).flatten()
}
