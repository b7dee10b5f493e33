//! What is wrong with a timing, by the fields of the API.

use std::{str::FromStr, sync::Arc};

use kernel::FieldError;

use super::{Rhythm, StoredTiming};
use crate::{
    cache,
    time::{Calendar, Cron, Every, Never, OpenHours, Spec, Timing, Within, Zone},
};

/// The most expressions of a schedule, and the most that it excludes.
const MOST_EXPRESSIONS: usize = 20;

impl StoredTiming {
    /// The computation of a timing that can run, or could have run once; a timing of the past is all right here, and so
    /// is one that only runs after others or by hand.
    ///
    /// # Errors
    /// Everything that is wrong, by the names that the fields have in the API: `/cron_expression` (`/cron_expressions/1`
    /// where there are several), `/exclude/0`, `/exclude_calendar`, `/timezone`, `/interval_seconds`, `/anchor`, `/run_at`,
    /// `/start_at`, `/end_at`, `/calendar`.
    pub fn check(&self) -> Result<Spec, Vec<FieldError>> {
        let spec = self.read()?;
        match spec.why_never() {
            None => Ok(spec),
            Some(never) => Err(vec![self.impossible(never)]),
        }
    }

    /// The computation, whether it ever runs or not.
    pub(super) fn read(&self) -> Result<Spec, Vec<FieldError>> {
        let mut wrong = Wrong::default();
        let timing = wrong.timing(&self.rhythm);
        let exclude = wrong.expressions("/exclude", &self.exclude);
        let zone = Zone::from_str(&self.zone).map_err(|error| wrong.say("/timezone", error)).unwrap_or_default();
        let calendar = self.calendar.as_ref().and_then(|calendar| {
            Some(Within { hours: wrong.hours("/calendar", &calendar.rules)?, outside: calendar.outside })
        });
        let exclude_calendar =
            self.exclude_calendar.as_ref().and_then(|calendar| wrong.hours("/exclude_calendar", &calendar.rules));
        if let (Some(start), Some(end)) = (self.start_at, self.end_at)
            && end < start
        {
            wrong.say("/end_at", "is before start_at");
        }
        match timing {
            Some(timing) if wrong.0.is_empty() => {
                let (start_at, end_at) = (self.start_at, self.end_at);
                Ok(Spec { timing, zone, start_at, end_at, calendar, exclude, exclude_calendar })
            }
            _ => Err(wrong.0),
        }
    }

    /// A timing that never runs, laid at the door of one field.
    fn impossible(&self, never: Never) -> FieldError {
        let rhythm = match &self.rhythm {
            Rhythm::Cron { expressions, .. } if expressions.len() > 1 => "/cron_expressions",
            Rhythm::Cron { .. } | Rhythm::None => "/cron_expression",
            Rhythm::Interval { .. } => "/anchor",
            Rhythm::Once { .. } => "/run_at",
        };
        let (pointer, message) = match (never, self.start_at, self.end_at) {
            (Never::Closed, ..) => ("/calendar", never.to_string()),
            (Never::Excluded, ..) if self.exclude.is_empty() => ("/exclude_calendar", never.to_string()),
            (Never::Excluded, ..) => ("/exclude", never.to_string()),
            (Never::Due, None, None) => (rhythm, "is never due up to the end of 2199".to_owned()),
            (Never::Due, ..) if matches!(self.rhythm, Rhythm::Once { .. }) => {
                (rhythm, "is not between start_at and end_at".to_owned())
            }
            (Never::Due, _, Some(end)) => ("/end_at", format!("leaves no due time: there is none up to {end}")),
            (Never::Due, Some(start), None) => {
                ("/start_at", format!("leaves no due time: there is none from {start} on"))
            }
        };
        FieldError { pointer: pointer.to_owned(), message }
    }
}

/// What is wrong so far.
#[derive(Default)]
struct Wrong(Vec<FieldError>);

impl Wrong {
    fn say(&mut self, pointer: impl Into<String>, message: impl ToString) {
        self.0.push(FieldError { pointer: pointer.into(), message: message.to_string() });
    }

    fn timing(&mut self, rhythm: &Rhythm) -> Option<Timing> {
        match rhythm {
            Rhythm::Cron { expressions, dst_gap, dst_overlap } => {
                if expressions.is_empty() {
                    self.say("/cron_expression", "is missing");
                }
                let exprs = self.expressions("/cron_expressions", expressions);
                Some(Timing::Cron { exprs, gap: *dst_gap, overlap: *dst_overlap })
            }
            Rhythm::Interval { every_seconds, anchor } => match Every::try_from(*every_seconds) {
                Ok(every) => Some(Timing::Interval { every, anchor: *anchor }),
                Err(error) => {
                    self.say("/interval_seconds", error);
                    None
                }
            },
            Rhythm::Once { at } => Some(Timing::Once { at: *at }),
            Rhythm::None => Some(Timing::Never),
        }
    }

    fn expressions(&mut self, pointer: &str, texts: &[String]) -> Vec<Cron> {
        if texts.len() > MOST_EXPRESSIONS {
            self.say(pointer, format!("are more than {MOST_EXPRESSIONS}"));
            return Vec::new();
        }
        let alone = pointer == "/cron_expressions" && texts.len() == 1;
        let mut read = Vec::with_capacity(texts.len());
        for (i, text) in texts.iter().enumerate() {
            let pointer = if alone { "/cron_expression".to_owned() } else { format!("{pointer}/{i}") };
            match Cron::from_str(text) {
                Ok(cron) => read.push(cron),
                Err(error) => self.say(pointer, error),
            }
        }
        read
    }

    fn hours(&mut self, pointer: &str, rules: &Calendar) -> Option<Arc<OpenHours>> {
        match cache::open_hours(rules) {
            Ok(hours) => Some(hours),
            Err(errors) => {
                for error in errors {
                    self.say(pointer, format!("has rules that cannot be read: {} {}", error.pointer, error.message));
                }
                None
            }
        }
    }
}
