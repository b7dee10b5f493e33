//! From words to dates and times: a parser that never looks back.

mod days;

use std::{collections::BTreeSet, str::FromStr};

use super::{
    Fail, Phrase,
    clock::{Clock, Minute, time},
    dates::{Dates, EVERY_DAY, Last, Monthdays, Nths},
    words,
};
use crate::time::{Cron, CronError, Zone};

/// The most expressions that a phrase becomes.
const MOST_EXPRESSIONS: usize = 20;

/// Reads a whole phrase.
pub(super) fn parse(tokens: &[String]) -> Result<Phrase, Fail> {
    let body = tokens.iter().position(|token| token == "in").unwrap_or(tokens.len());
    let mut parser = Parser { tokens: &tokens[..body], at: 0 };
    let (dates, clock) = parser.rhythm()?;
    if let Some(token) = parser.peek() {
        return Err(Fail::new(parser.at, format!("has \"{token}\", which is not understood there")).surplus());
    }
    let zone = tokens.get(body + 1..).map(|words| zone(words, body + 1)).transpose()?;
    expressions(&dates, &clock).map(|expressions| Phrase { expressions, zone })
}

fn expressions(dates: &Dates, clock: &Clock) -> Result<Vec<String>, Fail> {
    if clock.over_midnight() && *dates != Dates::Weekly(EVERY_DAY) {
        return Err(Fail::new(usize::MAX, "has hours over midnight on some days only; write them as two schedules"));
    }
    let clock = clock.fields();
    let mut expressions = Vec::new();
    for [day, month, weekday] in dates.fields() {
        expressions.extend(clock.iter().map(|(minute, hour)| format!("{minute} {hour} {day} {month} {weekday}")));
    }
    if expressions.len() > MOST_EXPRESSIONS {
        return Err(Fail::new(usize::MAX, format!("needs more than {MOST_EXPRESSIONS} cron expressions")));
    }
    match expressions.iter().map(|text| Cron::from_str(text)).find_map(Result::err) {
        None => Ok(expressions),
        Some(CronError::Never) => Err(Fail::new(usize::MAX, "names a date that no year has")),
        Some(error) => Err(Fail::new(usize::MAX, error.to_string())),
    }
}

/// The zone after `in`, in any case.
fn zone(words: &[String], at: usize) -> Result<Zone, Fail> {
    let name = words.join(" ");
    if name.is_empty() {
        return Err(Fail::new(at, "ends with \"in\"; a time zone must follow").or(0, &["UTC"]));
    }
    name.parse().or_else(|error: crate::time::ZoneError| match error.suggestion() {
        Some(zone) if zone.eq_ignore_ascii_case(&name) => zone.parse().map_err(|_| Fail::new(at, error.to_string())),
        Some(zone) => Err(Fail::new(at, format!("names a time zone: {error}")).or(words.len(), &[zone])),
        None => Err(Fail::new(at, format!("names a time zone: {error}")).or(words.len(), &["UTC", "Europe/Berlin"])),
    })
}

struct Parser<'a> {
    tokens: &'a [String],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn peek_at(&self, ahead: usize) -> Option<&str> {
        self.tokens.get(self.at + ahead).map(String::as_str)
    }

    fn take(&mut self, words: &[&str]) -> Option<()> {
        self.peek().is_some_and(|token| words.contains(&token)).then(|| self.at += 1)
    }

    fn take_with<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let found = read(self.peek()?)?;
        self.at += 1;
        Some(found)
    }

    fn expect(&mut self, words: &[&str]) -> Result<(), Fail> {
        self.take(words).ok_or_else(|| self.missing(&format!("\"{}\"", words.join("\" or \""))))
    }

    fn missing(&self, what: &str) -> Fail {
        match self.peek() {
            Some(token) => Fail::new(self.at, format!("has \"{token}\" where {what} should stand")),
            None if self.tokens.is_empty() => Fail::new(self.at, "is empty"),
            None => Fail::new(self.at, format!("ends where {what} should follow")),
        }
    }

    /// `, `, `and` or `, and`, when `more` follows.
    fn separator(&mut self, more: impl Fn(&str) -> bool) -> bool {
        let begin = self.at;
        let comma = self.take(&[","]).is_some();
        let and = self.take(&["and"]).is_some();
        let goes_on = (comma || and) && self.peek().is_some_and(more);
        if !goes_on {
            self.at = begin;
        }
        goes_on
    }

    fn rhythm(&mut self) -> Result<(Dates, Clock), Fail> {
        if self.peek() == Some("at") {
            let clock = self.times()?;
            let dates = if self.peek().is_some() { self.dates()? } else { Dates::Weekly(EVERY_DAY) };
            return Ok((dates, clock));
        }
        if self.steps_ahead() {
            return self.steps(None);
        }
        let dates = self.dates()?;
        let begin = self.at;
        self.take(&[","]);
        match dates {
            Dates::Weekly(days) if self.steps_ahead() => self.steps(Some(days)),
            _ => {
                self.at = begin;
                let clock = if self.peek() == Some("at") { self.times()? } else { Clock::Times([0].into()) };
                Ok((dates, clock))
            }
        }
    }

    fn steps_ahead(&self) -> bool {
        if self.peek() == Some("hourly") {
            return true;
        }
        let unit = self.peek_at(1).is_some_and(|token| match token {
            // "every second monday of the month" names a day.
            "second" => !self.tokens.iter().any(|token| token == "of"),
            "minute" | "hour" | "minutes" | "hours" | "seconds" | "other" => true,
            _ => words::number(token).is_some(),
        });
        unit && matches!(self.peek(), Some("every" | "each"))
    }

    /// Steps, then a span and days in any order.
    fn steps(&mut self, mut days: Option<u8>) -> Result<(Dates, Clock), Fail> {
        let every = self.step()?;
        let mut span = None;
        while let Some(token) = self.peek() {
            match token {
                "between" | "from" if span.is_none() => span = Some(self.span()?),
                _ if days.is_none() => days = Some(self.days_beside_steps()?),
                _ => break,
            }
        }
        let clock = match span {
            None => Clock::Steps(every),
            Some((from, to)) => Clock::Span { every, from, to },
        };
        Ok((Dates::Weekly(days.unwrap_or(EVERY_DAY)), clock))
    }

    fn days_beside_steps(&mut self) -> Result<u8, Fail> {
        let begin = self.at;
        self.take(&["on", "every", "each"]);
        if self.peek().is_some_and(|token| token == "day" || words::weekdays(token).is_some()) {
            return if self.take(&["day"]).is_some() { Ok(EVERY_DAY) } else { self.daylist() };
        }
        self.at = begin;
        Err(self.missing("\"between\", \"on\" with days of the week, or the end").surplus())
    }

    /// The distance of two steps in minutes.
    fn step(&mut self) -> Result<Minute, Fail> {
        if self.take(&["hourly"]).is_some() {
            return Ok(60);
        }
        self.at += 1;
        let begin = self.at;
        let count = self.take_with(words::number).unwrap_or(1);
        let unit = self.peek().unwrap_or_default().to_owned();
        self.at += 1;
        let (whole, minutes, unit) = match unit.as_str() {
            "minute" | "minutes" => (60, 1, "minutes"),
            "hour" | "hours" => (24, 60, "hours"),
            _ => {
                self.at = self.at.min(self.tokens.len());
                return Err(self.no_step(begin, count, &unit));
            }
        };
        if count == 0 || count > whole || whole % count != 0 {
            return Err(uneven(begin, (count, unit), whole));
        }
        Ok(count * minutes)
    }

    /// What is wrong with a unit that cron does not step in.
    fn no_step(&self, begin: usize, count: u16, unit: &str) -> Fail {
        let said = self.tokens[begin..self.at].join(" ");
        let (used, all) = (self.at - begin, self.tokens.len() - begin);
        let fail = |what: &str| Fail::new(begin, format!("has \"every {said}\", {what}"));
        let other = unit == "other"
            || unit == "second" && self.peek().is_some_and(|day| day == "day" || words::weekdays(day).is_some());
        match unit {
            "second" | "seconds" if !other => {
                fail("which is shorter than a minute; use an interval (interval_seconds)").or(used, &["minute"])
            }
            "months" | "years" => fail("which is not understood; name the months instead")
                .or(all, &["month on the 1st", "1st of january, april, july and october"]),
            _ if other || ["day", "days", "week", "weeks"].contains(&unit) => {
                fail("which cron cannot keep; use an interval (interval_seconds)")
                    .or(all, &["day at 9am", "monday, wednesday and friday at 9am"])
            }
            _ => fail("which is not understood")
                .or(used, &[&format!("{count} minutes"), &format!("{count} hours"), "day"]),
        }
    }

    fn span(&mut self) -> Result<(Minute, Minute), Fail> {
        let between = self.take(&["between"]).is_some();
        if !between {
            self.expect(&["from"])?;
        }
        let from = self.time()?;
        self.expect(if between { &["and"] } else { &["to", "until"] })?;
        let begin = self.at;
        let to = self.time()?;
        if from == to {
            return Err(Fail::new(begin, "has a span that ends when it begins").or(self.at - begin, &["5pm", "noon"]));
        }
        Ok((from, to))
    }

    fn times(&mut self) -> Result<Clock, Fail> {
        self.expect(&["at"])?;
        let mut times = BTreeSet::from([self.time()?]);
        let starts = |token: &str| token == "at" || time(token).is_some() || token.as_bytes()[0].is_ascii_digit();
        while self.separator(starts) {
            self.take(&["at"]);
            times.insert(self.time()?);
        }
        Ok(Clock::Times(times))
    }

    fn time(&mut self) -> Result<Minute, Fail> {
        // `9 am` is two words.
        if let (Some(number), Some(half @ ("am" | "pm"))) = (self.peek(), self.peek_at(1))
            && let Some(time) = time(&format!("{number}{half}"))
        {
            self.at += 2;
            return Ok(time);
        }
        if let Some(time) = self.take_with(time) {
            return Ok(time);
        }
        let fail = self.missing("a time of day, such as 9am or 09:00,");
        let halves = matches!(self.peek_at(1), Some("am" | "pm"));
        Err(match self.peek().map(|token| (token, words::number(token))) {
            Some((token, Some(hour @ 1..=12))) if !halves => {
                fail.or(1, &[&format!("{token}am"), &format!("{token}pm"), &format!("{hour:02}:00")])
            }
            Some((_, Some(hour @ 13..=23))) => fail.or(1 + usize::from(halves), &[&format!("{hour}:00")]),
            Some(("24:00" | "24", _)) => fail.or(1, &["midnight"]),
            Some(_) => fail.or(1 + usize::from(halves), &["9am", "17:00", "noon"]),
            None => fail.or(0, &["9am", "17:00"]),
        })
    }

    fn dates(&mut self) -> Result<Dates, Fail> {
        if self.take(&["daily"]).is_some() {
            return Ok(Dates::Weekly(EVERY_DAY));
        }
        if let Some(unit @ ("weekly" | "monthly" | "yearly" | "annually")) = self.peek() {
            let unit = unit.to_owned();
            self.at += 1;
            return self.unit(&unit);
        }
        if self.take(&["every", "each"]).is_some() {
            return match self.peek() {
                Some("day") => {
                    self.at += 1;
                    Ok(Dates::Weekly(EVERY_DAY))
                }
                Some(unit @ ("week" | "month" | "year")) => {
                    let unit = unit.to_owned();
                    self.at += 1;
                    self.unit(&unit)
                }
                _ if self.at_monthdays() => self.monthdays_of(),
                _ => self.daylist().map(Dates::Weekly),
            };
        }
        let on = self.take(&["on"]).is_some();
        if self.at_monthdays() && !self.at_date() {
            return self.monthdays_of();
        }
        if on && self.at_date() {
            return self.datelist();
        }
        self.daylist().map(Dates::Weekly)
    }

    /// What may follow `weekly`, `monthly` and `yearly`.
    fn unit(&mut self, unit: &str) -> Result<Dates, Fail> {
        let on = self.take(&["on"]).is_some();
        match unit {
            "weekly" | "week" if on => self.daylist().map(Dates::Weekly),
            "weekly" | "week" => Ok(Dates::Weekly(0b100_0000)),
            "monthly" | "month" if on => Ok(Dates::Monthly { days: self.monthdays()?, months: 0 }),
            "monthly" | "month" => Ok(Dates::Monthly { days: Monthdays::Days(Nths::of(1)), months: 0 }),
            _ if on && self.at_date() => self.datelist(),
            _ if on => self.monthdays_of(),
            _ => Ok(Dates::Yearly([(1, 1)].into())),
        }
    }
}

/// A step that would be a short one at the end of the hour or the day.
fn uneven(at: usize, (count, unit): (u16, &str), whole: u16) -> Fail {
    let what = format!("has \"every {count} {unit}\", which cron cannot keep: {count} does not divide {whole}");
    let fits = |n: &u16| whole.is_multiple_of(*n) && *n > 1 && *n < whole;
    let below = (1..count.clamp(1, whole)).rev().find(fits);
    let above = (count.saturating_add(1)..whole).find(fits);
    let said = |n: u16, unit: &str| if n == 1 { unit.trim_end_matches('s').to_owned() } else { format!("{n} {unit}") };
    let near: Vec<String> = match (unit, count / 60) {
        ("minutes", hours @ 1..) => [hours, hours + 1].map(|hours| said(hours, "hours")).to_vec(),
        _ if count > whole => vec!["day".to_owned()],
        _ => [below, above].into_iter().flatten().map(|n| said(n, unit)).collect(),
    };
    let near: Vec<&str> = near.iter().map(String::as_str).collect();
    Fail::new(at, what).or(2, &near)
}
