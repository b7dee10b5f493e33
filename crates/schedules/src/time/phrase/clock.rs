//! The times of day that a phrase names, and the minute and hour fields that say them.

use std::collections::{BTreeMap, BTreeSet};

use super::words;

/// Minutes since midnight.
pub(super) type Minute = u16;

const DAY: Minute = 24 * 60;

/// When within a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// At these times.
    Times(BTreeSet<Minute>),
    /// Every so many minutes, which divide an hour or a day, all day long.
    Steps(Minute),
    /// Every so many minutes from one time to another, both included; over midnight when the other is the earlier.
    Span { every: Minute, from: Minute, to: Minute },
}

impl Clock {
    /// Whether it goes on after midnight, into the day after.
    pub fn over_midnight(&self) -> bool {
        matches!(self, Self::Span { from, to, .. } if to < from)
    }

    /// Minute and hour fields, whose union counts.
    pub fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Times(times) => grouped(times, list),
            Self::Steps(1) => vec![("*".to_owned(), "*".to_owned())],
            Self::Steps(60) => vec![("0".to_owned(), "*".to_owned())],
            Self::Steps(every) if *every < 60 => vec![(format!("*/{every}"), "*".to_owned())],
            Self::Steps(DAY) => vec![("0".to_owned(), "0".to_owned())],
            Self::Steps(every) => vec![("0".to_owned(), format!("*/{}", every / 60))],
            Self::Span { every, from, to } => {
                let end = if to < from { to + DAY } else { *to };
                let times = (*from..=end).step_by((*every).into()).map(|time| time % DAY).collect();
                // As ranges: such runs follow the clock as it is shown, as those of `*/15` do.
                grouped(&times, range)
            }
        }
    }
}

/// Hours with the same minutes, and then minutes with the same hours, share an expression.
fn grouped(times: &BTreeSet<Minute>, hours_field: impl Fn(&BTreeSet<Minute>) -> String) -> Vec<(String, String)> {
    let mut minutes_of_hour: BTreeMap<Minute, BTreeSet<Minute>> = BTreeMap::new();
    for time in times {
        minutes_of_hour.entry(time / 60).or_default().insert(time % 60);
    }
    let mut hours_of_minutes: BTreeMap<BTreeSet<Minute>, BTreeSet<Minute>> = BTreeMap::new();
    for (hour, minutes) in minutes_of_hour {
        hours_of_minutes.entry(minutes).or_default().insert(hour);
    }
    let mut groups: Vec<_> = hours_of_minutes.into_iter().collect();
    groups.sort_by_key(|(_, hours)| hours.first().copied());
    groups.into_iter().map(|(minutes, hours)| (minutes_field(&minutes), hours_field(&hours))).collect()
}

fn minutes_field(minutes: &BTreeSet<Minute>) -> String {
    let step = step(minutes).filter(|step| 60 % step == 0 && minutes.len() == usize::from(60 / step));
    match (step, minutes.first()) {
        (Some(1), _) => "*".to_owned(),
        (Some(step), Some(0)) => format!("*/{step}"),
        (Some(step), Some(first)) => format!("{first}/{step}"),
        _ => list(minutes),
    }
}

fn range(hours: &BTreeSet<Minute>) -> String {
    match (step(hours), hours.first(), hours.last()) {
        (Some(1), Some(0), Some(23)) => "*".to_owned(),
        (Some(1), Some(first), Some(last)) => format!("{first}-{last}"),
        (Some(step), Some(first), Some(last)) => format!("{first}-{last}/{step}"),
        _ => list(hours),
    }
}

fn list(numbers: &BTreeSet<Minute>) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The distance of numbers that lie evenly.
fn step(numbers: &BTreeSet<Minute>) -> Option<Minute> {
    let mut distances = numbers.iter().zip(numbers.iter().skip(1)).map(|(one, next)| next - one);
    let first = distances.next()?;
    distances.all(|distance| distance == first).then_some(first)
}

/// `9am`, `9:30pm`, `21:30`, `noon`.
pub(super) fn time(word: &str) -> Option<Minute> {
    match word {
        "noon" | "midday" => return Some(12 * 60),
        "midnight" => return Some(0),
        _ => {}
    }
    let half = [("am", 0), ("pm", 12)].iter().find_map(|(half, hours)| Some((word.strip_suffix(half)?, *hours)));
    let (digits, minute) = match half.map_or(word, |(rest, _)| rest).split_once(':') {
        Some((hour, minute)) => (hour, two_digits(minute).filter(|minute| *minute < 60)?),
        None if half.is_some() => (half?.0, 0),
        None => return None,
    };
    let hour = Some(digits).filter(|digits| digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit()));
    let hour = words::number(hour?)?;
    let hour = match half {
        Some((_, add)) if (1..=12).contains(&hour) => hour % 12 + add,
        None if hour < 24 => hour,
        _ => return None,
    };
    Some(hour * 60 + minute)
}

fn two_digits(text: &str) -> Option<u16> {
    (text.len() == 2).then(|| crate::time::field::digits(text)).flatten()
}
