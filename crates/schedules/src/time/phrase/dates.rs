//! The days that a phrase names, and the day and month fields that say them.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{cron_day, cron_month};

pub(super) const EVERY_DAY: u8 = 0b111_1111;

/// On which days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dates {
    /// One bit per day of the week, Monday lowest.
    Weekly(u8),
    /// Days of a month, in some months (one bit each, January at 1) or in all of them (0).
    Monthly { days: Monthdays, months: u16 },
    /// Days of a year: month and day.
    Yearly(BTreeSet<(u8, u8)>),
}

/// Days of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Monthdays {
    /// By number, and the last.
    Days(Nths),
    /// These of one day of the week.
    Weekday { day: u8, nths: Nths },
    /// The first from Monday to Friday.
    FirstWeekday,
    /// The last from Monday to Friday.
    LastWeekday,
}

/// A list of ordinals; `last` stands beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Nths {
    pub numbers: BTreeSet<u8>,
    pub last: Option<Last>,
}

/// The last one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last;

impl Dates {
    /// Day-of-month, month and day-of-week fields, whose union counts.
    pub fn fields(&self) -> Vec<[String; 3]> {
        let any = || "*".to_owned();
        match self {
            Self::Weekly(days) => vec![[any(), any(), weekdays(*days)]],
            Self::Monthly { days, months } => {
                let months = month_names(*months);
                let [day, weekday] = days.fields();
                vec![[day, months, weekday]]
            }
            Self::Yearly(dates) => {
                let mut by_month: BTreeMap<u8, Vec<String>> = BTreeMap::new();
                for (month, day) in dates {
                    by_month.entry(*month).or_default().push(day.to_string());
                }
                let fields = |(month, days): (u8, Vec<String>)| [days.join(","), cron_month(month).to_owned(), any()];
                by_month.into_iter().map(fields).collect()
            }
        }
    }
}

impl Monthdays {
    fn fields(&self) -> [String; 2] {
        let any = || "*".to_owned();
        match self {
            Self::Days(nths) => [nths.list(|n| n.to_string(), "L"), any()],
            Self::Weekday { day, nths } => {
                let day = cron_day(*day);
                [any(), nths.list(|n| format!("{day}#{n}"), &format!("{day}L"))]
            }
            Self::FirstWeekday => ["1W".to_owned(), any()],
            Self::LastWeekday => ["LW".to_owned(), any()],
        }
    }
}

impl Nths {
    fn list(&self, each: impl Fn(u8) -> String, last: &str) -> String {
        let numbers = self.numbers.iter().map(|n| each(*n));
        numbers.chain(self.last.map(|_| last.to_owned())).collect::<Vec<_>>().join(",")
    }
}

fn weekdays(days: u8) -> String {
    match days {
        EVERY_DAY => "*".to_owned(),
        0b001_1111 => "MON-FRI".to_owned(),
        _ => (0..7).filter(|day| days & (1 << day) != 0).map(cron_day).collect::<Vec<_>>().join(","),
    }
}

fn month_names(months: u16) -> String {
    let names: Vec<&str> = (1..=12).filter(|month| months & (1 << month) != 0).map(cron_month).collect();
    if names.is_empty() { "*".to_owned() } else { names.join(",") }
}
