//! A cron expression: parsed by croner, searched by bit sets, always on naive local time.

use std::{fmt, str::FromStr, sync::Arc};

use chrono::NaiveDateTime;
use croner::parser::{CronParser, Seconds, Year};
use serde::{Deserialize, Serialize};

use super::{
    error::CronError,
    pattern::{Pattern, Resolution},
    syntax,
};

/// How day-of-month and day-of-week combine when both are restricted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayMatch {
    /// Either one is enough, as in Vixie cron.
    #[default]
    Either,
    /// Both must match: `0 0 13 * FRI` is Friday the 13th. Written `0 0 13 * +FRI`.
    Both,
}

/// A cron expression of five, six (second first) or seven fields (year last), or a name such as `@daily`.
///
/// Cheap to clone; parsing costs tens of microseconds, so keep it. It knows nothing of time zones.
#[derive(Clone)]
pub struct Cron(Arc<Inner>);

struct Inner {
    canonical: String,
    wildcard: bool,
    resolution: Resolution,
    pattern: Pattern,
}

impl Cron {
    /// Reads an expression whose day fields combine by [`DayMatch::Either`], unless it says `+`.
    ///
    /// # Errors
    /// [`CronError`] in words for the user, also for an expression that can never match.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        Self::parse_with(text, DayMatch::Either)
    }

    /// Reads an expression whose day fields combine as told. The canonical text carries that too.
    ///
    /// # Errors
    /// As [`Cron::parse`].
    pub fn parse_with(text: &str, days: DayMatch) -> Result<Self, CronError> {
        let normal = syntax::normalise(text, days)?;
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Optional).sloppy_ranges(true).build();
        let parsed = parser.parse(&normal.expanded).map_err(|error| CronError::Pattern(error.to_string()))?;
        let pattern = Pattern::new(&parsed.pattern, &normal.day_fields);
        if !pattern.can_match() {
            return Err(CronError::Never);
        }
        Ok(Self(Arc::new(Inner {
            canonical: normal.canonical,
            wildcard: normal.wildcard,
            resolution: normal.resolution,
            pattern,
        })))
    }

    /// The expression in upper case with single blanks. Parsing it gives the same schedule.
    pub fn as_str(&self) -> &str {
        &self.0.canonical
    }

    /// Whether second, minute or hour is a `*`, a step or a range: such a schedule follows the clock as it is shown,
    /// where a fixed time is meant once a day.
    pub fn is_wildcard(&self) -> bool {
        self.0.wildcard
    }

    /// Whether `local` matches, to the second.
    pub(super) fn matches(&self, local: NaiveDateTime) -> bool {
        self.0.pattern.matches(local)
    }

    /// When the unbroken stretch of matches that holds `local` ends; nothing if `local` does not match.
    ///
    /// An expression without seconds stands for whole minutes here.
    pub(super) fn matches_until(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        self.0.pattern.matches_until(local, self.0.resolution)
    }

    /// The first matching local time at or after `from`, up to the end of 2199.
    pub(super) fn at_or_after(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        self.0.pattern.at_or_after(from)
    }
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        Self::parse(text)
    }
}

impl Serialize for Cron {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Cron {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Cron {}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({:?})", self.as_str())
    }
}
