//! What is wrong with a cron expression, in words for the person who wrote it.

use std::{error::Error, fmt};

use super::field::Field;

/// Why an expression is refused. Its text can be shown to the user as the message of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CronError {
    /// Nothing was given.
    Empty,
    /// Longer than any sensible expression.
    TooLong,
    /// Neither five, six nor seven fields, but so many.
    FieldCount(usize),
    /// An `@name` that does not exist.
    Nickname(String),
    /// A field that cannot be read.
    Field {
        /// The field.
        field: Field,
        /// What is wrong with it.
        message: String,
    },
    /// Well formed, but refused for a reason of the parser's own.
    Pattern(String),
    /// Well formed, but there is no such date (30 February).
    Never,
}

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty; write five fields, such as \"0 9 * * MON-FRI\""),
            Self::TooLong => write!(f, "is longer than {} characters", super::syntax::MAX_LEN),
            Self::FieldCount(count) => {
                write!(f, "has {count} ")?;
                f.write_str(if *count == 1 { "field" } else { "fields" })?;
                f.write_str("; write five (minute hour day month weekday), six (second first) or seven (year last)")
            }
            Self::Nickname(name) if name.starts_with("@every") => {
                f.write_str("has \"@every\", which is an interval and not a cron expression")
            }
            Self::Nickname(name) => {
                write!(f, "has the unknown name \"{name}\"; there are ")?;
                let names: Vec<&str> = super::syntax::NICKNAMES.iter().map(|(name, _)| *name).collect();
                f.write_str(&names.join(", "))
            }
            Self::Field { field, message } => write!(f, "has a wrong {field} field: {message}"),
            Self::Pattern(message) => write!(f, "cannot be read: {message}"),
            Self::Never => f.write_str("can never match: no year has such a date"),
        }
    }
}

impl Error for CronError {}
