//! The words of the grammar.

/// A text in lower-case words; commas stand alone, and `mon-fri` becomes `mon - fri`.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let spaced = text.to_lowercase().replace(',', " , ");
    let mut tokens = Vec::new();
    for word in spaced.split_whitespace() {
        match word.split_once('-') {
            Some((from, to)) if weekdays(from).is_some() && weekdays(to).is_some() => {
                tokens.extend([from, "-", to].map(str::to_owned));
            }
            _ => tokens.push(word.to_owned()),
        }
    }
    tokens
}

/// The days of the week, Monday first: their names and what stands for them in cron.
const DAYS: [(&str, &str, &[&str]); 7] = [
    ("monday", "MON", &["mon"]),
    ("tuesday", "TUE", &["tue", "tues"]),
    ("wednesday", "WED", &["wed"]),
    ("thursday", "THU", &["thu", "thur", "thurs"]),
    ("friday", "FRI", &["fri"]),
    ("saturday", "SAT", &["sat"]),
    ("sunday", "SUN", &["sun"]),
];

const MONTHS: [(&str, &str); 12] = [
    ("january", "JAN"),
    ("february", "FEB"),
    ("march", "MAR"),
    ("april", "APR"),
    ("may", "MAY"),
    ("june", "JUN"),
    ("july", "JUL"),
    ("august", "AUG"),
    ("september", "SEP"),
    ("october", "OCT"),
    ("november", "NOV"),
    ("december", "DEC"),
];

const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

const NUMBERS: [(&str, u16); 10] = [
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("ten", 10),
    ("twelve", 12),
    ("fifteen", 15),
    ("twenty", 20),
    ("thirty", 30),
];

/// The other words, for telling a slip of the pen.
const OTHERS: [&str; 38] = [
    "every", "each", "minute", "minutes", "hour", "hours", "hourly", "day", "daily", "week", "weekly", "month",
    "monthly", "year", "yearly", "annually", "on", "at", "the", "of", "in", "and", "between", "from", "to", "until",
    "through", "noon", "midday", "midnight", "weekday", "weekdays", "weekend", "weekends", "last", "am", "pm", "1st",
];

/// Every word of the grammar.
pub(super) fn vocabulary() -> impl Iterator<Item = &'static str> {
    let days = DAYS.iter().map(|(name, ..)| *name);
    let months = MONTHS.iter().map(|(name, _)| *name);
    OTHERS.into_iter().chain(days).chain(months).chain(ORDINALS)
}

/// A day of the week, counted from Monday as 0.
pub(super) fn weekday(word: &str) -> Option<u8> {
    let singular = word.strip_suffix('s').unwrap_or(word);
    let found = DAYS.iter().position(|(name, _, short)| *name == word || *name == singular || short.contains(&word));
    found.map(|day| day as u8)
}

/// One bit per day of the week, Monday lowest: of a day's name, `weekday` or `weekend`.
pub(super) fn weekdays(word: &str) -> Option<u8> {
    match word {
        "weekday" | "weekdays" => Some(0b001_1111),
        "weekend" | "weekends" => Some(0b110_0000),
        _ => weekday(word).map(|day| 1 << day),
    }
}

/// A month, counted from January as 1.
pub(super) fn month(word: &str) -> Option<u8> {
    let short = |name: &str, cron: &str| word.eq_ignore_ascii_case(cron) || (name == "september" && word == "sept");
    MONTHS.iter().position(|(name, cron)| *name == word || short(name, cron)).map(|month| month as u8 + 1)
}

/// `first` to `fifth`, `1st` to `31st`.
pub(super) fn ordinal(word: &str) -> Option<u8> {
    if let Some(found) = ORDINALS.iter().position(|name| *name == word) {
        return Some(found as u8 + 1);
    }
    let digits = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let n = day_number(digits)?;
    let suffix = match n {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    };
    (word.strip_prefix(digits) == Some(suffix)).then_some(n)
}

/// A day of a month in digits.
pub(super) fn day_number(word: &str) -> Option<u8> {
    number(word)
        .and_then(|n| u8::try_from(n).ok())
        .filter(|n| (1..=31).contains(n) && word.as_bytes()[0].is_ascii_digit())
}

/// A count, in digits or as a word.
pub(super) fn number(word: &str) -> Option<u16> {
    let named = NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, n)| *n);
    named.or_else(|| crate::time::field::digits(word).filter(|_| (1..=4).contains(&word.len())))
}

/// The name of a day in cron.
pub(super) fn cron_day(day: u8) -> &'static str {
    DAYS[usize::from(day % 7)].1
}

/// The name of a month in cron.
pub(super) fn cron_month(month: u8) -> &'static str {
    MONTHS[usize::from((month + 11) % 12)].1
}
