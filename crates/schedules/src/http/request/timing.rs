//! The timing of a request: from its fields to what is stored, with every refusal at the field it belongs to.

use std::str::FromStr;

use chrono::{DateTime, Datelike, DurationRound, TimeDelta, Utc};
use kernel::{FieldError, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use store::Tx;
use uuid::Uuid;

use super::{ScheduleRequest, ScheduleType, Wrong};
use crate::{
    cache,
    calendars::{self, CalendarRow},
    time::{Cron, Outside, Phrase, Spec},
    timing::{InCalendar, Rhythm, StoredTiming},
};

/// What a timing is made against.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// From when on it counts: intervals without an anchor begin there.
    pub now: DateTime<Utc>,
    /// When an immediate schedule is due.
    pub at_once: DateTime<Utc>,
    /// The timing that it replaces.
    pub old: Option<StoredTiming>,
}

/// A calendar as it is chosen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    id: Option<Uuid>,
    name: Option<String>,
    #[serde(default)]
    outside: Outside,
}

/// One thing that is left out.
enum LeftOut {
    Expression(String),
    Calendar(String),
}

impl ScheduleRequest {
    /// The timing and its computation. What is wrong goes to `wrong`; then there may be none.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub(crate) async fn timing(
        &mut self,
        tx: &Tx,
        moment: &Moment,
        wrong: &mut Wrong,
    ) -> Result<Option<(ScheduleType, StoredTiming, Spec)>> {
        let Some(kind) = self.kind(wrong) else { return Ok(None) };
        self.fit(kind, wrong);
        self.check_years(wrong);
        let rhythm = self.rhythm(kind, moment, wrong);
        let zone = self.timezone.clone().unwrap_or_else(|| "UTC".to_owned());
        let mut timing = StoredTiming::new(rhythm.unwrap_or(Rhythm::None), zone);
        timing = timing.within(self.start_at.map(to_micros), self.end_at.map(to_micros));
        timing.calendar = self.inside(tx, wrong).await?;
        let places = self.leave_out(tx, &mut timing, wrong).await?;
        match timing.check() {
            Ok(spec) if !wrong.any() => {
                cache::keep(&timing, &spec);
                return Ok(Some((kind, timing, spec)));
            }
            Ok(_) => {}
            Err(faults) => faults.into_iter().for_each(|fault| self.refuse(fault, &places, wrong)),
        }
        Ok(None)
    }

    /// Instants that nothing here can reckon with.
    fn check_years(&self, wrong: &mut Wrong) {
        for (field, at) in
            [("anchor", self.anchor), ("run_at", self.run_at), ("start_at", self.start_at), ("end_at", self.end_at)]
        {
            if at.is_some_and(|at| !(1970..=2199).contains(&at.year())) {
                wrong.say(format!("/{field}"), "is not in the years 1970 to 2199");
            }
        }
    }

    fn rhythm(&mut self, kind: ScheduleType, moment: &Moment, wrong: &mut Wrong) -> Option<Rhythm> {
        match kind {
            ScheduleType::Cron => {
                let expressions = self.expressions(wrong)?;
                let (dst_gap, dst_overlap) = (self.dst_gap.unwrap_or_default(), self.dst_overlap.unwrap_or_default());
                Some(Rhythm::Cron { expressions, dst_gap, dst_overlap })
            }
            ScheduleType::Interval => {
                let anchor = self.anchor.or(self.start_at).map(to_micros);
                let kept = moment.old.as_ref().and_then(|old| match old.rhythm {
                    Rhythm::Interval { anchor, .. } => Some(anchor),
                    _ => None,
                });
                let here = moment.now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(moment.now);
                Some(Rhythm::Interval {
                    every_seconds: self.interval_seconds?,
                    anchor: anchor.or(kept).unwrap_or(here),
                })
            }
            ScheduleType::OneTime => self.run_at.map(|at| Rhythm::Once { at: to_micros(at) }),
            ScheduleType::Immediate => Some(Rhythm::Once { at: moment.at_once }),
            ScheduleType::Dependent => Some(Rhythm::None),
        }
    }

    /// The cron expressions. A phrase that stands in `cron_expression` is moved to where it belongs, and a zone that it names
    /// counts.
    fn expressions(&mut self, wrong: &mut Wrong) -> Option<Vec<String>> {
        if let Some(several) = &self.cron_expressions {
            if several.is_empty() {
                wrong.say("/cron_expressions", "has no items");
                return None;
            }
            return Some(several.clone());
        }
        let mut pointer = "/phrase";
        if let Some(expression) = self.cron_expression.clone() {
            if !reads_as_english(&expression) || Cron::from_str(&expression).is_ok() {
                return Some(vec![expression]);
            }
            pointer = "/cron_expression";
            if Phrase::from_str(&expression).is_ok() {
                self.cron_expression = None;
                self.fields.remove("cron_expression");
                self.fields.insert("phrase".to_owned(), expression.as_str().into());
            }
            self.phrase = Some(expression);
        }
        match Phrase::from_str(self.phrase.as_deref()?) {
            Ok(phrase) => {
                let named = phrase.zone.map(|zone| zone.name().to_owned());
                if let (Some(named), Some(given)) = (&named, &self.timezone)
                    && named != given
                {
                    wrong.say("/timezone", format!("is not the zone that the phrase names, {named}"));
                }
                self.timezone = self.timezone.take().or(named);
                Some(phrase.expressions)
            }
            Err(error) => {
                wrong.say(pointer, error.to_string());
                None
            }
        }
    }

    /// The calendar inside which it runs. It is kept by its id: its name may change.
    async fn inside(&mut self, tx: &Tx, wrong: &mut Wrong) -> Result<Option<InCalendar>> {
        let chosen = match self.calendar.clone() {
            None => return Ok(None),
            Some(Value::String(text)) => Chosen { id: None, name: Some(text), outside: Outside::default() },
            Some(value) => match edge::from_value::<Chosen>(&value) {
                Ok(chosen) => chosen,
                Err(problem) => {
                    let faults = problem.errors().iter();
                    faults.for_each(|fault| wrong.say(format!("/calendar{}", fault.pointer), &fault.message));
                    return Ok(None);
                }
            },
        };
        let name = match (chosen.id, chosen.name) {
            (Some(id), None) => id.to_string(),
            (None, Some(name)) => name,
            _ => {
                wrong.say("/calendar", "must have either an id or a name");
                return Ok(None);
            }
        };
        let Some(row) = use_calendar(tx, (&name, "/calendar"), wrong).await? else { return Ok(None) };
        self.fields.insert("calendar".to_owned(), json!({ "id": row.id, "outside": chosen.outside }));
        let rules = row.rules()?;
        Ok(Some(InCalendar { id: row.id, name: row.name, version: row.version, outside: chosen.outside, rules }))
    }

    /// Fills in what is left out; says where in the request each expression and the calendar stand.
    async fn leave_out(&mut self, tx: &Tx, timing: &mut StoredTiming, wrong: &mut Wrong) -> Result<Places> {
        let mut places = Places::default();
        for (pointer, item) in left_out(self.exclude.as_ref(), wrong) {
            match item {
                LeftOut::Expression(text) => {
                    timing.exclude.push(text);
                    places.expressions.push(pointer);
                }
                LeftOut::Calendar(_) if timing.exclude_calendar.is_some() => {
                    wrong.say(pointer, "is a second calendar; one can be left out");
                }
                LeftOut::Calendar(name) => {
                    if let Some(row) = use_calendar(tx, (&name, &pointer), wrong).await? {
                        if let Some(given) = self.fields.get_mut("exclude") {
                            let path = pointer.trim_start_matches("/exclude");
                            given.pointer_mut(path).into_iter().for_each(|at| *at = json!({ "calendar": row.id }));
                        }
                        timing.exclude_calendar = Some(row.kept()?);
                        places.calendar = Some(pointer);
                    }
                }
            }
        }
        Ok(places)
    }

    /// A fault of the timing, at the field where the request has it.
    fn refuse(&self, fault: FieldError, places: &Places, wrong: &mut Wrong) {
        let pointer = match fault.pointer.as_str() {
            "/cron_expression" if self.cron_expressions.is_some() => "/cron_expressions/0".to_owned(),
            "/cron_expression" | "/cron_expressions" if self.phrase.is_some() => "/phrase".to_owned(),
            "/anchor" if self.anchor.is_none() => "/interval_seconds".to_owned(),
            "/exclude_calendar" => places.calendar.clone().unwrap_or_else(|| "/exclude".to_owned()),
            other => match other.strip_prefix("/exclude/").and_then(|at| at.parse::<usize>().ok()) {
                Some(at) => places.expressions.get(at).cloned().unwrap_or_else(|| "/exclude".to_owned()),
                None => other.to_owned(),
            },
        };
        if !wrong.names(&pointer) {
            wrong.say(pointer, fault.message);
        }
    }
}

/// Where in the request the expressions and the calendar that are left out stand.
#[derive(Default)]
struct Places {
    expressions: Vec<String>,
    calendar: Option<String>,
}

/// One thing or a list of them.
fn left_out(given: Option<&Value>, wrong: &mut Wrong) -> Vec<(String, LeftOut)> {
    let items = match given {
        None => Vec::new(),
        Some(Value::Array(items)) if items.len() > 20 => {
            wrong.say("/exclude", "has more than 20 items");
            Vec::new()
        }
        Some(Value::Array(items)) => {
            items.iter().enumerate().map(|(at, item)| (format!("/exclude/{at}"), item)).collect()
        }
        Some(one) => vec![("/exclude".to_owned(), one)],
    };
    let mut found = Vec::with_capacity(items.len());
    for (pointer, item) in items {
        let only = item.as_object().filter(|members| members.len() == 1).and_then(|members| members.get("calendar"));
        match (item, only.and_then(Value::as_str)) {
            (Value::String(text), _) => found.push((pointer, LeftOut::Expression(text.clone()))),
            (_, Some(calendar)) => found.push((pointer, LeftOut::Calendar(calendar.to_owned()))),
            _ => wrong.say(pointer, "must be a cron expression, or an object with the name or id of a calendar"),
        }
    }
    found
}

/// The calendar of that id or name, which no one changes before this schedule is written.
async fn use_calendar(tx: &Tx, (name, pointer): (&str, &str), wrong: &mut Wrong) -> Result<Option<CalendarRow>> {
    if name.contains('\0') {
        return Ok(None); // refused as such already
    }
    let found = calendars::find_to_use(tx, name).await?;
    if found.is_none() {
        wrong.say(pointer, "is no calendar that there is");
    }
    Ok(found)
}

/// Cron has words of three letters, and names with an `@`.
fn reads_as_english(text: &str) -> bool {
    let mut words = text.split_whitespace();
    !text.trim_start().starts_with('@')
        && words.any(|word| word.len() > 3 && word.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// What a row can hold.
fn to_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(at)
}
