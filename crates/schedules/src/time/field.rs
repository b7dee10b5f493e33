//! The seven fields of a cron expression: their names, bounds and the words they understand.

use std::fmt;

/// The last year that is searched. Zone rules are known up to 2099 and stand still after it.
pub(super) const LAST_YEAR: u16 = 2199;
/// The first year an expression may name.
pub(super) const FIRST_YEAR: u16 = 1970;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field of a cron expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// 0 to 59; only in expressions of six or seven fields.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31, `L`, `LW`, `15W`.
    DayOfMonth,
    /// 1 to 12 or JAN to DEC.
    Month,
    /// 0 to 7 (0 and 7 are Sunday) or SUN to SAT, `FRI#2`, `FRIL`.
    DayOfWeek,
    /// 1970 to 2199; only in expressions of seven fields.
    Year,
}

impl Field {
    /// In the order in which they are written.
    pub(super) const ALL: [Self; 7] =
        [Self::Second, Self::Minute, Self::Hour, Self::DayOfMonth, Self::Month, Self::DayOfWeek, Self::Year];

    /// The smallest and the largest number that the field takes.
    pub(super) const fn bounds(self) -> (u16, u16) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
            Self::Year => (FIRST_YEAR, LAST_YEAR),
        }
    }

    /// Whether `*` and steps in this field make a pattern a wildcard of the clock.
    pub(super) const fn of_the_clock(self) -> bool {
        matches!(self, Self::Second | Self::Minute | Self::Hour)
    }

    /// Whether this is one of the two day fields.
    pub(super) const fn of_the_day(self) -> bool {
        matches!(self, Self::DayOfMonth | Self::DayOfWeek)
    }

    /// The number that `text` (upper case) stands for, when the field takes it.
    pub(super) fn number(self, text: &str) -> Option<u16> {
        let named = |names: &[&str], first: usize| names.iter().position(|name| *name == text).map(|i| i + first);
        let number = match self {
            Self::Month => named(&MONTHS, 1),
            Self::DayOfWeek => named(&WEEKDAYS, 0),
            _ => None,
        };
        let (min, max) = self.bounds();
        number.and_then(|n| u16::try_from(n).ok()).or_else(|| digits(text)).filter(|n| (min..=max).contains(n))
    }

    /// What the field takes, as the end of a sentence.
    pub(super) fn takes(self) -> String {
        let (min, max) = self.bounds();
        let more = match self {
            Self::DayOfMonth => ", L (last day), LW (last weekday) or 15W (weekday nearest the 15th)",
            Self::Month => " or JAN to DEC",
            Self::DayOfWeek => " (0 and 7 are Sunday), SUN to SAT, FRI#2 (second Friday) or FRIL (last Friday)",
            _ => "",
        };
        format!("{min} to {max}{more}")
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day-of-month",
            Self::Month => "month",
            Self::DayOfWeek => "day-of-week",
            Self::Year => "year",
        })
    }
}

/// A number written with digits only: no sign, no blank.
pub(super) fn digits(text: &str) -> Option<u16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
