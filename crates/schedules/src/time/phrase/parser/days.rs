//! Lists of days: of the week, of a month, of the year.

use std::collections::BTreeSet;

use super::{Dates, Fail, Last, Monthdays, Nths, Parser, words};

impl Nths {
    pub(super) fn of(n: u8) -> Self {
        Self { numbers: BTreeSet::from([n]), last: None }
    }
}

impl Parser<'_> {
    /// Days of the week: one bit each.
    pub(super) fn daylist(&mut self) -> Result<u8, Fail> {
        let mut days = self.dayrange()?;
        while self.separator(|token| words::weekdays(token).is_some()) {
            days |= self.dayrange()?;
        }
        Ok(days)
    }

    fn dayrange(&mut self) -> Result<u8, Fail> {
        let Some(days) = self.take_with(words::weekdays) else {
            return Err(self.missing("a day, such as monday or weekday,"));
        };
        if days.count_ones() > 1 || self.take(&["to", "through", "-"]).is_none() {
            return Ok(days);
        }
        let Some(last) = self.take_with(words::weekday) else {
            return Err(self.missing("a day of the week"));
        };
        let first = days.trailing_zeros() as u8;
        let length = (last + 7 - first) % 7;
        Ok((0..=length).fold(0, |days, n| days | 1 << ((first + n) % 7)))
    }

    pub(super) fn at_monthdays(&self) -> bool {
        self.peek().is_some_and(|token| token == "the" || token == "last" || words::ordinal(token).is_some())
    }

    /// Whether `25 december`, `25th december` or `december 25` comes next.
    pub(super) fn at_date(&self) -> bool {
        let (one, two) = (self.peek(), self.peek_at(1));
        let both = |day: Option<&str>, month: Option<&str>| {
            day.and_then(day_of_month).is_some() && month.and_then(words::month).is_some()
        };
        both(one, two) || one.and_then(words::month).is_some()
    }

    pub(super) fn monthdays_of(&mut self) -> Result<Dates, Fail> {
        let days = self.monthdays()?;
        self.expect(&["of"]).map_err(|fail| fail.or(0, &["of every month"]))?;
        if self.take(&["the"]).is_some() {
            self.expect(&["month"])?;
            return Ok(Dates::Monthly { days, months: 0 });
        }
        if self.take(&["every", "each"]).is_some() {
            self.expect(&["month"])?;
            return Ok(Dates::Monthly { days, months: 0 });
        }
        let mut months = 0;
        loop {
            let Some(month) = self.take_with(words::month) else {
                return Err(self.missing("\"every month\" or the name of a month"));
            };
            months |= 1 << month;
            if !self.separator(|token| words::month(token).is_some()) {
                return Ok(Dates::Monthly { days, months });
            }
        }
    }

    pub(super) fn monthdays(&mut self) -> Result<Monthdays, Fail> {
        let begin = self.at;
        let mut nths = Nths::default();
        loop {
            self.take(&["the"]);
            if self.take(&["last"]).is_some() {
                nths.last = Some(Last);
            } else if let Some(n) = self.take_with(words::ordinal) {
                nths.numbers.insert(n);
            } else {
                return Err(self.missing("a day of the month, such as \"the 1st\" or \"the last day\","));
            }
            if !self.separator(|token| token == "the" || token == "last" || words::ordinal(token).is_some()) {
                break;
            }
        }
        if self.take(&["day"]).is_some() {
            return Ok(Monthdays::Days(nths));
        }
        if self.take(&["weekday"]).is_some() {
            return first_or_last_weekday(begin, &nths);
        }
        if let Some(day) = self.take_with(words::weekday) {
            return match nths.numbers.iter().find(|n| **n > 5) {
                None => Ok(Monthdays::Weekday { day, nths }),
                Some(n) => {
                    Err(Fail::new(begin, format!("counts to {n} with a day of the week; a month has five at most")))
                }
            };
        }
        if nths.last.is_some() {
            return Err(self.missing("\"day\", \"weekday\" or the name of a day").or(0, &["day"]));
        }
        Ok(Monthdays::Days(nths))
    }

    pub(super) fn datelist(&mut self) -> Result<Dates, Fail> {
        let mut dates = BTreeSet::from([self.date()?]);
        while self.separator(|token| day_of_month(token).is_some() || words::month(token).is_some()) {
            dates.insert(self.date()?);
        }
        Ok(Dates::Yearly(dates))
    }

    fn date(&mut self) -> Result<(u8, u8), Fail> {
        let begin = self.at;
        let found = if let Some(month) = self.take_with(words::month) {
            self.take_with(day_of_month).map(|day| (month, day))
        } else {
            let day = self.take_with(day_of_month);
            day.and_then(|day| Some((self.take_with(words::month)?, day)))
        };
        let Some((month, day)) = found else {
            return Err(self.missing("a date, such as \"25 december\","));
        };
        let longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][usize::from(month - 1)];
        if day > longest {
            return Err(Fail::new(begin, format!("names day {day} of a month that has {longest} at most")));
        }
        Ok((month, day))
    }
}

fn first_or_last_weekday(at: usize, nths: &Nths) -> Result<Monthdays, Fail> {
    if *nths == Nths::of(1) {
        Ok(Monthdays::FirstWeekday)
    } else if *nths == (Nths { last: Some(Last), ..Nths::default() }) {
        Ok(Monthdays::LastWeekday)
    } else {
        Err(Fail::new(at, "counts weekdays; only \"the first weekday\" and \"the last weekday\" can be said"))
    }
}

fn day_of_month(token: &str) -> Option<u8> {
    words::day_number(token).or_else(|| words::ordinal(token))
}
