//! When a calendar is open: answers about instants, at the cost of a few table look-ups each.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

use crate::time::{
    Zone,
    field::LAST_YEAR,
    first_instant,
    local::{Instants, Pass},
};

/// The opening hours that follow from a [`super::Calendar`].
///
/// They are meant by the clock of the zone: an opening that the clock jumps over happens at the first instant after
/// the jump, and where the clock shows a time twice it is open, or closed, both times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenHours {
    zone: Zone,
    /// Monday first.
    weekly: [DayHours; 7],
    yearly: Yearly,
    /// In order.
    holidays: Vec<NaiveDate>,
    /// In order.
    extra: Vec<(NaiveDate, DayHours)>,
}

/// The opening hours of one day, in minutes: in order, apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DayHours(Vec<(u16, u16)>);

/// Days of every year: one bit per day of each month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Yearly([u32; 13]);

/// It is enough to look so far ahead for a closing.
const LONGEST_OPEN: usize = 400;

impl OpenHours {
    pub(super) fn new(
        zone: Zone,
        (weekly, yearly): ([DayHours; 7], Yearly),
        mut holidays: Vec<NaiveDate>,
        extra: Vec<(NaiveDate, DayHours)>,
    ) -> Self {
        holidays.sort_unstable();
        // Then no weekday needs to be looked at in the search for an opening.
        let weekly = if yearly.is_every_day() { Default::default() } else { weekly };
        Self { zone, weekly, yearly, holidays, extra }
    }

    /// The zone whose clock is meant.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// Whether it is open at `at`.
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        self.shows_open(self.zone.local(at))
    }

    /// The first instant at or after `at` at which it is open, up to the end of 2199; nothing if there is none.
    pub fn next_open(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let at = at.max(first_instant());
        let local = self.zone.local(at);
        if self.shows_open(local) {
            return Some(at);
        }
        let ahead = self.first_showing(local, at);
        // The clock is going to be put back: an hour that closed comes again.
        let again = match self.zone.pass(at) {
            Pass::First { begin } => self.open_from(begin).and_then(|local| self.second_showing(local)),
            Pass::Only | Pass::Second { .. } => None,
        };
        [ahead, again].into_iter().flatten().min()
    }

    /// The beginning of the stretch without an opening in which `at` lies; `at` itself while it is open.
    pub fn closed_since(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        if self.is_open(at) {
            return at;
        }
        let opens = self.next_open(at);
        let same = |second: i64| self.next_open(instant(second)) == opens;
        let (mut high, first) = (at.timestamp(), first_instant().timestamp());
        let mut step = 3600;
        // Its beginnings are whole seconds. Look back in growing steps, then halve the last one.
        let mut low = loop {
            let low = (high - step).max(first);
            match same(low) {
                true if low == first => return instant(first),
                true => (high, step) = (low, step * 2),
                false => break low,
            }
        };
        while low + 1 < high {
            let middle = low.midpoint(high);
            *(if same(middle) { &mut high } else { &mut low }) = middle;
        }
        instant(high)
    }

    /// If it is open at `at`: an instant after it, up to which it stays open. It may be open for longer than that.
    pub(in crate::time) fn open_until(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = self.zone.local(at);
        self.shows_open(local).then_some(())?;
        let closes = self.zone.instants(self.closed_from(local))?;
        Some(match (self.zone.pass(at), closes) {
            (_, Instants::Two { first, .. }) if first > at => first,
            // After this pass, times before `local` are shown again.
            (Pass::First { begin }, _) => self.second_showing(begin)?,
            (_, Instants::One(until) | Instants::Two { second: until, .. }) => until,
            (_, Instants::None(gap)) => gap.end,
        })
    }

    /// Days with hours of their own.
    pub(in crate::time) fn extra_days(&self) -> impl Iterator<Item = NaiveDate> + '_ {
        self.extra.iter().map(|(date, _)| *date)
    }

    /// Days that are not as their weekday and not as they are every year.
    pub(in crate::time) fn special_days(&self) -> impl Iterator<Item = NaiveDate> + '_ {
        self.extra_days().chain(self.holidays.iter().copied())
    }

    fn hours_on(&self, date: NaiveDate) -> &DayHours {
        static CLOSED: DayHours = DayHours(Vec::new());
        if let Ok(index) = self.extra.binary_search_by_key(&date, |(date, _)| *date) {
            return &self.extra[index].1;
        }
        if self.yearly.has(date) || self.holidays.binary_search(&date).is_ok() {
            return &CLOSED;
        }
        &self.weekly[date.weekday().num_days_from_monday() as usize]
    }

    fn shows_open(&self, local: NaiveDateTime) -> bool {
        let second = local.num_seconds_from_midnight();
        self.hours_on(local.date()).0.iter().any(|range| seconds(*range).contains(&second))
    }

    /// The first local time at or after `from` at which it is open.
    fn open_from(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let second = from.num_seconds_from_midnight();
        let today = self.hours_on(from.date()).0.iter().map(|range| seconds(*range)).find(|range| second < range.end);
        match today {
            Some(range) if range.contains(&second) => return Some(from),
            Some(range) => return time(from.date(), range.start),
            None => {}
        }
        let mut date = from.date().succ_opt()?;
        while date.year() <= i32::from(LAST_YEAR) {
            if let Some(range) = self.hours_on(date).0.first() {
                return time(date, seconds(*range).start);
            }
            date = if self.weekly.iter().all(DayHours::is_closed) {
                let next = self.extra.partition_point(|(extra, _)| *extra <= date);
                self.extra.get(next)?.0
            } else {
                date.succ_opt()?
            };
        }
        None
    }

    /// The end of the hours that hold `from`, over midnight as well.
    fn closed_from(&self, from: NaiveDateTime) -> NaiveDateTime {
        let mut at = from;
        for _ in 0..LONGEST_OPEN {
            let second = at.num_seconds_from_midnight();
            let range =
                self.hours_on(at.date()).0.iter().map(|range| seconds(*range)).find(|range| range.contains(&second));
            let Some(end) = range.and_then(|range| time(at.date(), range.end)) else {
                return at;
            };
            at = end;
        }
        at
    }

    /// When the clock first shows an open time, at or after `at`, among those not before `from`.
    fn first_showing(&self, mut from: NaiveDateTime, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        loop {
            // Every round passes another gap, and the search ends with the last year.
            match self.zone.instants(self.open_from(from)?)? {
                Instants::One(instant) => return Some(instant),
                Instants::Two { first, second } => return Some(if first >= at { first } else { second }),
                Instants::None(gap) => from = gap.resumes,
            }
        }
    }

    fn second_showing(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.zone.instants(local)? {
            Instants::Two { second, .. } => Some(second),
            Instants::One(_) | Instants::None(_) => None,
        }
    }
}

impl DayHours {
    /// Of ranges in any order, which may touch and overlap.
    pub fn new(mut ranges: Vec<(u16, u16)>) -> Self {
        ranges.sort_unstable();
        let mut hours: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
        for (open, close) in ranges {
            match hours.last_mut() {
                Some(last) if open <= last.1 => last.1 = last.1.max(close),
                _ => hours.push((open, close)),
            }
        }
        Self(hours)
    }

    pub fn is_closed(&self) -> bool {
        self.0.is_empty()
    }
}

impl Yearly {
    pub fn add(&mut self, month: u32, day: u32) {
        self.0[month as usize] |= 1 << day;
    }

    pub fn is_every_day(&self) -> bool {
        self.0.iter().map(|days| days.count_ones()).sum::<u32>() == 366
    }

    fn has(&self, date: NaiveDate) -> bool {
        self.0[date.month() as usize] & (1 << date.day()) != 0
    }
}

fn seconds((open, close): (u16, u16)) -> std::ops::Range<u32> {
    u32::from(open) * 60..u32::from(close) * 60
}

/// So many seconds into a day; a whole day is the next midnight.
fn time(date: NaiveDate, second: u32) -> Option<NaiveDateTime> {
    match NaiveTime::from_num_seconds_from_midnight_opt(second, 0) {
        Some(time) => Some(date.and_time(time)),
        None => Some(date.checked_add_days(Days::new(1))?.and_time(NaiveTime::MIN)),
    }
}

fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap_or_default()
}
