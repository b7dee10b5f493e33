//! From what people write to the dialect that croner reads, one field at a time.
//!
//! croner replaces names anywhere in the text (`MON` as a minute is 1), takes empty items, refuses ranges that wrap
//! around (`22-2`, `FRI-MON`), and its errors name no field. So names, bounds and ranges are settled here.

use super::{
    DayMatch,
    error::CronError,
    field::{Field, digits},
    pattern::Resolution,
};

/// The longest expression that is read, in bytes.
pub(super) const MAX_LEN: usize = 512;

/// Names for common expressions.
pub(super) const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// An expression ready for croner, and what only its text can tell.
pub(super) struct Normal {
    /// Upper case, single blanks; the same text parses to the same pattern again.
    pub canonical: String,
    /// For croner.
    pub expanded: String,
    /// The two day fields of that.
    pub day_fields: String,
    /// Whether second, minute or hour is a `*`, a step or a range.
    pub wildcard: bool,
    /// Whether the seconds are written out.
    pub resolution: Resolution,
}

/// Reads `text` into croner's dialect.
pub(super) fn normalise(text: &str, days: DayMatch) -> Result<Normal, CronError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(CronError::Empty);
    }
    if text.len() > MAX_LEN {
        return Err(CronError::TooLong);
    }
    if !text.starts_with('@') {
        return from_fields(&text.to_ascii_uppercase(), days);
    }
    let (name, fields) = NICKNAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .ok_or_else(|| CronError::Nickname(text.to_ascii_lowercase()))?;
    Ok(Normal { canonical: (*name).to_owned(), ..from_fields(fields, days)? })
}

fn from_fields(text: &str, days: DayMatch) -> Result<Normal, CronError> {
    let mut parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let fields = match parts.len() {
        5 => &Field::ALL[1..6],
        6 => &Field::ALL[..6],
        7 => &Field::ALL[..],
        count => return Err(CronError::FieldCount(count)),
    };
    let (dom, dow) = (parts.len().min(6) - 3, parts.len().min(6) - 1);
    let and = parts[dow].strip_prefix('+');
    parts[dow] = and.unwrap_or(parts[dow]);
    for day in [dom, dow] {
        parts[day] = if parts[day] == "?" { "*" } else { parts[day] };
    }
    let and = (and.is_some() || days == DayMatch::Both) && parts[dom] != "*" && parts[dow] != "*";

    let mut expanded = Vec::with_capacity(parts.len());
    for (field, part) in fields.iter().zip(&parts) {
        expanded.push(items(*field, part).map_err(|message| CronError::Field { field: *field, message })?);
    }
    let wildcard =
        fields.iter().zip(&parts).any(|(field, part)| field.of_the_clock() && part.contains(['*', '/', '-']));
    let with_plus = format!("+{}", parts[dow]);
    if and {
        parts[dow] = &with_plus;
        expanded[dow].insert(0, '+');
    }
    let resolution = if fields.len() > 5 { Resolution::Second } else { Resolution::Minute };
    let day_fields = format!("{} {}", expanded[dom], expanded[dow]);
    Ok(Normal { canonical: parts.join(" "), expanded: expanded.join(" "), day_fields, wildcard, resolution })
}

/// The items of one field, with names and wrapped ranges written out.
fn items(field: Field, text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let items: Vec<String> = text.split(',').map(|text| item(field, text)).collect::<Result<_, _>>()?;
    if items.iter().any(|item| item == "L") && items.iter().any(|item| item == "LW") {
        return Err("L and LW cannot stand in one list".to_owned());
    }
    Ok(items.join(","))
}

fn item(field: Field, text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("there is an empty item beside a comma".to_owned());
    }
    if let Some(special) = special(field, text) {
        return Ok(special);
    }
    let (span, step) = match text.split_once('/') {
        Some((span, step)) => (span, Some(self::step(field, text, step)?)),
        None => (text, None),
    };
    let number = |word: &str| field.number(word).ok_or_else(|| not_taken(field, text));
    match (span.split_once('-'), step) {
        (_, None) if span == "*" => Err("* cannot stand in a list".to_owned()),
        (_, Some(step)) if span == "*" => Ok(format!("*/{step}")),
        (Some((from, to)), step) => range(field, (number(from)?, number(to)?), step.unwrap_or(1))
            .ok_or_else(|| format!("the range \"{text}\" runs backwards")),
        (None, Some(step)) => Ok(format!("{}/{step}", number(span)?)),
        (None, None) => Ok(number(span)?.to_string()),
    }
}

fn not_taken(field: Field, text: &str) -> String {
    if field.of_the_day() || !text.contains(['W', '#', 'L']) || text.bytes().all(|b| b.is_ascii_alphabetic()) {
        format!("\"{text}\" is not one of {}", field.takes())
    } else {
        format!("\"{text}\" uses L, W or #, which only the day fields take")
    }
}

fn step(field: Field, text: &str, step: &str) -> Result<u16, String> {
    let (min, max) = field.bounds();
    let longest = max - min;
    digits(step).filter(|step| (1..=longest).contains(step)).ok_or_else(|| {
        format!("the step in \"{text}\" is not between 1 and {longest}; for a longer rhythm use an interval")
    })
}

/// `L`, `LW`, `15W` of a day of the month; `FRI#2`, `FRIL` of a weekday.
fn special(field: Field, text: &str) -> Option<String> {
    match field {
        Field::DayOfMonth if text == "L" || text == "LW" => Some(text.to_owned()),
        Field::DayOfMonth => field.number(text.strip_suffix('W')?).map(|day| format!("{day}W")),
        Field::DayOfWeek => match text.split_once('#') {
            Some((day, nth)) => {
                let nth = digits(nth).filter(|nth| (1..=5).contains(nth))?;
                field.number(day).map(|day| format!("{day}#{nth}"))
            }
            None => field.number(text.strip_suffix('L')?).map(|day| format!("{day}L")),
        },
        _ => None,
    }
}

/// A range for croner; one that wraps around becomes a list. Years do not wrap.
fn range(field: Field, (from, to): (u16, u16), step: u16) -> Option<String> {
    let (min, max) = field.bounds();
    let (from, max) = match field {
        Field::DayOfWeek if from == 7 && to < 7 => (0, 6),
        Field::DayOfWeek => (from, 6),
        _ => (from, max),
    };
    if from <= to {
        return Some(format!("{from}-{to}/{step}"));
    }
    let wrapped = (from..=max).chain(min..=to).step_by(step.into());
    (field != Field::Year).then(|| wrapped.map(|n| n.to_string()).collect::<Vec<_>>().join(","))
}
