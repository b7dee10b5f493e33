//! Phrases: a small English for schedules, and the cron expressions that it stands for.
//!
//! Capitals and blanks do not matter; the whole text must be understood, or it is refused with what was not and with
//! phrases that are. `docs/schedules.md` shows the same grammar to users.
//!
//! ```text
//! phrase    = rhythm [ "in" zone ]                      zone: an IANA name
//! rhythm    = dates [ times ] | times [ dates ]         without times: midnight; without dates: every day
//!           | [ days ] steps { span | days }            span and days once each, in any order
//!
//! steps     = "hourly" | every ( "minute" | N "minutes" | "hour" | N "hours" )
//! span      = "between" time "and" time | "from" time ( "to" | "until" ) time
//! times     = "at" time { sep [ "at" ] time }
//! time      = "9am" | "9:30 pm" | "09:00" | "21:30" | "noon" | "midday" | "midnight"
//!
//! dates     = days | monthly | yearly
//! days      = "daily" | every "day" | ( "weekly" | every "week" ) [ "on" daylist ] | [ every | "on" ] daylist
//! daylist   = dayrange { sep dayrange }                 dayrange: a day, or day ( "to" | "through" | "-" ) day
//! day       = "monday" | "mondays" | "mon" | … | "weekday" (Monday to Friday) | "weekend" (Saturday and Sunday)
//! monthly   = ( "monthly" | every "month" ) [ "on" monthdays ]
//!           | ( "on" | every ) monthdays "of" ( every "month" | "the" "month" | months )
//! monthdays = [ "the" ] nth { sep [ "the" ] nth } [ "day" | "weekday" | a day's name ]
//! nth       = "1st" … "31st" | "first" … "fifth" | "last"
//! yearly    = ( "yearly" | "annually" | every "year" ) [ "on" ( date { sep date } | monthdays "of" months ) ]
//!           | "on" date { sep date }
//! date      = "25 december" | "25th dec" | "december 25" | "dec 25th"
//! months    = month { sep month }
//! every     = "every" | "each"
//! sep       = "," | "and" | ", and"
//! ```
//!
//! N divides 60 (minutes) or 24 (hours): cron cannot say "every 7 minutes", whose last step before the full hour would be a
//! short one. Steps follow the clock (`:00`, `:15`, …); within a span they count from its beginning, and both its ends
//! belong to it. "weekly" is Sunday, "monthly" the first, "yearly" the first of January, all at midnight, as in `@weekly`.
//! A day that a month does not have (the 31st) has no run in it.

mod clock;
mod dates;
mod parser;
mod suggest;
#[cfg(test)]
mod tests;
mod words;

use std::{error::Error, fmt, str::FromStr};

use super::Zone;

/// The longest phrase that is read, in bytes.
const MAX_LEN: usize = 256;

/// What a phrase stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// Cron expressions, whose union counts. At least one.
    pub expressions: Vec<String>,
    /// The zone that the phrase names.
    pub zone: Option<Zone>,
}

impl FromStr for Phrase {
    type Err = PhraseError;

    fn from_str(text: &str) -> Result<Self, PhraseError> {
        if text.len() > MAX_LEN {
            let what = format!("is longer than {MAX_LEN} characters");
            return Err(PhraseError { what, suggestions: suggest::examples() });
        }
        let tokens = words::tokens(text);
        parser::parse(&tokens).map_err(|fail| suggest::explain(&tokens, fail))
    }
}

/// A text outside the grammar. Its text can be shown to the user as the message of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhraseError {
    what: String,
    suggestions: Vec<String>,
}

impl PhraseError {
    /// One to three phrases that are understood, near to what was written where that can be told.
    pub fn suggestions(&self) -> &[String] {
        &self.suggestions
    }
}

impl fmt::Display for PhraseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for (i, suggestion) in self.suggestions.iter().enumerate() {
            let before = if i == 0 {
                "; try"
            } else if i + 1 < self.suggestions.len() {
                ","
            } else {
                " or"
            };
            write!(f, "{before} \"{suggestion}\"")?;
        }
        Ok(())
    }
}

impl Error for PhraseError {}

/// Where the parser stopped.
#[derive(Debug)]
struct Fail {
    /// The token that was not understood; beyond the last when something is missing.
    at: usize,
    /// What is wrong, as the rest of a sentence that starts with the field's name.
    what: String,
    /// What could stand instead of the tokens from `at` on, as many as `replaced`.
    instead: Vec<String>,
    /// See `instead`.
    replaced: usize,
    /// Whether what stands before makes sense without the rest.
    surplus: Surplus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surplus {
    Yes,
    No,
}

impl Fail {
    fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into(), instead: Vec::new(), replaced: 1, surplus: Surplus::No }
    }

    /// Offers to leave the rest out.
    fn surplus(self) -> Self {
        Self { surplus: Surplus::Yes, ..self }
    }

    /// Offers replacements for so many tokens.
    fn or(self, replaced: usize, instead: &[&str]) -> Self {
        Self { replaced, instead: instead.iter().map(|text| (*text).to_owned()).collect(), ..self }
    }
}
