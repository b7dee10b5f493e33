//! The search for the next run: due times of the rhythm, less what is excluded, as the calendar lets them run.

use chrono::{DateTime, Datelike, DurationRound, NaiveDateTime, TimeDelta, Utc};

use super::{
    Note, Occurrence, Outside, Spec, Timing,
    field::LAST_YEAR,
    first_instant,
    local::{Instants, Pass},
    rule::Rule,
    spec::last,
};

/// How much may be left out in a row before the schedule is taken to be over: some ten thousand due times, where a
/// stretch that is left out as a whole counts as one.
const PATIENCE: u32 = 100_000;
/// What one expression's next due time counts for.
const DUE: u32 = 8;
/// What passing one stretch of one exclusion counts for.
const STRETCH: u32 = 1;
/// What passing one closed stretch of the calendar counts for.
const CLOSED: u32 = 2 * DUE;
/// Before an instant, where every search is for what comes strictly after.
pub(super) const JUST: TimeDelta = TimeDelta::nanoseconds(1);

/// One search in a schedule.
pub(super) struct Search<'a> {
    spec: &'a Spec,
    patience: u32,
    /// No due time after it counts.
    pub until: Option<DateTime<Utc>>,
}

impl<'a> Search<'a> {
    pub fn new(spec: &'a Spec) -> Self {
        Self::with_patience(spec, PATIENCE)
    }

    /// Gives up earlier or later.
    pub fn with_patience(spec: &'a Spec, patience: u32) -> Self {
        Self { spec, patience, until: None }
    }

    /// The first run strictly after `after`.
    pub fn run(&mut self, after: DateTime<Utc>) -> Option<Occurrence> {
        if after.year() > i32::from(LAST_YEAR) {
            return None;
        }
        match &self.spec.calendar {
            None => self.kept(after),
            Some(within) => match within.outside {
                Outside::Skip => self.run_inside(after),
                Outside::NextOpen => self.run_inside_or_moved(after),
            },
        }
    }

    /// The first due time strictly after `after`: by rhythm and window alone.
    pub fn raw(&self, after: DateTime<Utc>) -> Option<Occurrence> {
        let spec = self.spec;
        // Inside the years in which local times can be computed and are searched.
        let after = after.max(spec.start_at.map_or(first_instant(), |start| start.max(first_instant()) - JUST));
        if after.year() > i32::from(LAST_YEAR) || spec.end_at.is_some_and(|end| end <= after) {
            return None;
        }
        let plain = |at: DateTime<Utc>| {
            (at.year() <= i32::from(LAST_YEAR)).then(|| Occurrence { at, local: spec.zone.local(at), note: None })
        };
        let due = match &spec.timing {
            Timing::Cron { exprs, gap, overlap } => exprs
                .iter()
                .filter_map(|cron| Rule { cron, zone: spec.zone, gap: *gap, overlap: *overlap }.next(after))
                .min_by_key(|due| (due.at, due.note.is_some())),
            Timing::Interval { every, anchor } => every.next(*anchor, after).and_then(plain),
            Timing::Once { at } => Some(*at).filter(|at| *at > after).and_then(plain),
            Timing::Never => None,
        };
        due.filter(|due| [spec.end_at, self.until].into_iter().flatten().all(|end| due.at <= end))
    }

    /// The first due time strictly after `after` that no exclusion covers.
    pub fn kept(&mut self, mut after: DateTime<Utc>) -> Option<Occurrence> {
        loop {
            let due = self.raw(after)?;
            match self.excluded_until(due.at) {
                None => return Some(due),
                Some(until) => after = until,
            }
            self.spend(self.due_cost())?;
        }
    }

    fn spend(&mut self, cost: u32) -> Option<()> {
        let left = self.patience.checked_sub(cost);
        self.patience = left.unwrap_or(0);
        left.map(drop)
    }

    /// Whether the search ended before it came to the end of the years.
    pub fn gave_up(&self) -> bool {
        self.patience == 0
    }

    fn due_cost(&self) -> u32 {
        match &self.spec.timing {
            Timing::Cron { exprs, .. } => DUE * exprs.len() as u32,
            Timing::Interval { .. } | Timing::Once { .. } | Timing::Never => DUE,
        }
    }

    /// If `at` is left out: an instant from which to search on, at or after `at` and before the next that is not.
    pub fn excluded_until(&mut self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut free = at;
        // Another exclusion may begin where one ends.
        while let Some(later) = self.crons_until(free).max(self.calendar_until(free)) {
            free = later;
            if self.spend(STRETCH).is_none() {
                break;
            }
        }
        (free > at).then(|| free - JUST)
    }

    fn calendar_until(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let hours = self.spec.exclude_calendar.as_ref()?;
        (at.year() <= i32::from(LAST_YEAR)).then(|| hours.open_until(at)).flatten()
    }

    /// If expressions leave out `at`: an instant after it up to which all is left out, with the clock as it is shown.
    fn crons_until(&mut self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let zone = self.spec.zone;
        if self.spec.exclude.is_empty() || at.year() > i32::from(LAST_YEAR) {
            return None;
        }
        let local = zone.local(at);
        let end = self.stretch_end(local)?;
        let free = at + (end - local);
        // No two changes of a clock lie within a day of each other.
        if end - local <= TimeDelta::days(1) && zone.offset(free - JUST) == zone.offset(at) {
            return Some(free);
        }
        if let Pass::First { .. } = zone.pass(at) {
            // What comes before `local` is going to be shown again: go on by minutes, or from due time to due time.
            let minute_end = local.duration_trunc(TimeDelta::minutes(1)).ok()? + TimeDelta::minutes(1);
            let free = at + (end.min(minute_end) - local);
            return Some(if zone.offset(free - JUST) == zone.offset(at) { free } else { at + JUST });
        }
        Some(match zone.instants(end)? {
            Instants::One(free) => free,
            Instants::Two { first, .. } if first > at => first,
            Instants::Two { second, .. } => second,
            Instants::None(gap) => gap.end,
        })
    }

    /// The end of the stretch of local time from `local` on that the expressions leave out without a break.
    fn stretch_end(&mut self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let exclude = &self.spec.exclude;
        let until = |local| exclude.iter().filter_map(|cron| cron.matches_until(local)).max();
        let cost = STRETCH * exclude.len() as u32;
        let mut end = until(local)?;
        while let Some(later) = until(end) {
            end = later;
            if self.spend(cost).is_none() {
                break;
            }
        }
        Some(end)
    }

    /// While the calendar is closed, nothing runs.
    fn run_inside(&mut self, mut after: DateTime<Utc>) -> Option<Occurrence> {
        let hours = &self.spec.calendar.as_ref()?.hours;
        let mut closed = None;
        loop {
            let due = self.kept(after)?;
            let opens = hours.next_open(due.at)?;
            if opens == due.at {
                return Some(Occurrence { note: due.note.or(closed.map(Note::AfterClosed)), ..due });
            }
            closed = closed.or(Some(due.local));
            after = opens - JUST;
            self.spend(CLOSED)?;
        }
    }

    /// What is due while the calendar is closed runs when it opens.
    fn run_inside_or_moved(&mut self, after: DateTime<Utc>) -> Option<Occurrence> {
        let hours = &self.spec.calendar.as_ref()?.hours;
        let searched = after.max(first_instant());
        let mut from = if hours.is_open(searched) { searched } else { hours.closed_since(searched) - JUST };
        loop {
            let due = self.kept(from)?;
            let opens = hours.next_open(due.at)?;
            if opens == due.at {
                return Some(due);
            }
            if self.spec.end_at.is_some_and(|end| opens > end) {
                return None; // and so would all that come later
            }
            match self.excluded_until(opens) {
                None => return Some(self.last_moved(due, opens)),
                Some(until) => from = until,
            }
            self.spend(CLOSED)?;
        }
    }

    /// Of those that wait for the same opening, of which `first` is one, the last is what runs.
    fn last_moved(&mut self, first: Occurrence, opens: DateTime<Utc>) -> Occurrence {
        let second = self.kept(first.at).filter(|due| due.at <= opens);
        let other = second.and_then(|second| last(second.at, opens, |after| self.kept(after)).or(Some(second)));
        let due = other.unwrap_or(first);
        if due.at == opens { due } else { Occurrence { at: opens, note: Some(Note::MovedToOpening), ..due } }
    }
}
