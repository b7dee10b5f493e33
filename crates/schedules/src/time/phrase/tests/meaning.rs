//! Phrases made from the grammar, each with a meaning of its own that the cron expressions are compared with.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, Timelike};
use proptest::{prelude::*, sample::select, test_runner::Config};

use super::*;
use crate::time::Cron;

/// What was meant, in the order in which it is said.
#[derive(Clone, Debug)]
struct Said {
    text: String,
    days: Days_,
    clock: Clock_,
}

#[derive(Clone, Debug)]
enum Days_ {
    All,
    /// Monday is 0.
    Week(Vec<u32>),
    Month {
        nths: Vec<u32>,
        last: bool,
        of: Of,
        months: Vec<u32>,
    },
    Year(Vec<(u32, u32)>),
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Days,
    Weekday(u32),
    Business,
}

#[derive(Clone, Debug)]
enum Clock_ {
    Times(Vec<u32>),
    Every(u32),
    Span { every: u32, from: u32, to: u32 },
}

impl Days_ {
    fn has(&self, date: NaiveDate) -> bool {
        let weekday = |date: NaiveDate| date.weekday().num_days_from_monday();
        match self {
            Self::All => true,
            Self::Week(days) => days.contains(&weekday(date)),
            Self::Year(dates) => dates.contains(&(date.month(), date.day())),
            Self::Month { nths, last, of, months } => {
                let counts = |date: &NaiveDate| match of {
                    Of::Days => true,
                    Of::Weekday(day) => weekday(*date) == *day,
                    Of::Business => weekday(*date) < 5,
                };
                let first = date.with_day(1).unwrap();
                let counted: Vec<NaiveDate> =
                    first.iter_days().take_while(|day| day.month() == date.month()).filter(counts).collect();
                let nth = nths.iter().any(|n| counted.get(*n as usize - 1) == Some(&date));
                (months.is_empty() || months.contains(&date.month())) && (nth || *last && counted.last() == Some(&date))
            }
        }
    }
}

impl Clock_ {
    fn has(&self, minute: u32) -> bool {
        match self {
            Self::Times(times) => times.contains(&minute),
            Self::Every(every) => minute.is_multiple_of(*every),
            Self::Span { every, from, to } if from < to => {
                (*from..=*to).contains(&minute) && (minute - from).is_multiple_of(*every)
            }
            Self::Span { every, from, to } => {
                let since = (minute + 1440 - from) % 1440;
                since <= to + 1440 - from && since.is_multiple_of(*every)
            }
        }
    }
}

const WEEK: [[&str; 3]; 7] = [
    ["monday", "Mondays", "mon"],
    ["tuesday", "tuesdays", "TUE"],
    ["Wednesday", "wednesdays", "wed"],
    ["thursday", "thursdays", "thu"],
    ["friday", "Fridays", "fri"],
    ["saturday", "saturdays", "sat"],
    ["sunday", "sundays", "Sun"],
];
const YEAR: [[&str; 2]; 12] = [
    ["january", "jan"],
    ["february", "Feb"],
    ["march", "mar"],
    ["April", "apr"],
    ["may", "MAY"],
    ["june", "jun"],
    ["july", "jul"],
    ["august", "aug"],
    ["september", "sept"],
    ["october", "oct"],
    ["november", "nov"],
    ["december", "DEC"],
];
const WORDS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

fn every() -> impl Strategy<Value = &'static str> {
    select(vec!["every", "each", "Every"])
}

/// A list with its separators.
fn listed<T: Clone + std::fmt::Debug + 'static>(
    items: impl Strategy<Value = Vec<(String, T)>>,
) -> impl Strategy<Value = (String, Vec<T>)> {
    (items, select(vec![" and ", ", ", ", and ", " , "])).prop_map(|(items, separator)| {
        let (texts, meanings): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        (texts.join(separator), meanings)
    })
}

fn time() -> BoxedStrategy<(String, u32)> {
    let twelve = (1..=12_u32, 0..60_u32, any::<bool>(), select(vec!["", " "])).prop_map(|(hour, minute, pm, blank)| {
        let half = if pm { "pm" } else { "am" };
        let said =
            if minute == 0 { format!("{hour}{blank}{half}") } else { format!("{hour}:{minute:02}{blank}{half}") };
        (said, (hour % 12 + if pm { 12 } else { 0 }) * 60 + minute)
    });
    let whole = (0..24_u32, select(vec![0, 0, 15, 30, 45, 7]))
        .prop_map(|(hour, minute)| (format!("{hour:02}:{minute:02}"), hour * 60 + minute));
    let short = (0..10_u32, 0..60_u32).prop_map(|(hour, minute)| (format!("{hour}:{minute:02}"), hour * 60 + minute));
    let named =
        select(vec![("noon", 720), ("Midday", 720), ("midnight", 0)]).prop_map(|(name, time)| (name.to_owned(), time));
    prop_oneof![3 => twelve, 3 => whole, 1 => short, 1 => named].boxed()
}

fn times() -> BoxedStrategy<(String, Clock_)> {
    listed(prop::collection::vec(time(), 1..4))
        .prop_map(|(text, times)| (format!("at {text}"), Clock_::Times(times)))
        .boxed()
}

fn weekday() -> impl Strategy<Value = (String, u32)> {
    (0..7_u32, 0..3_usize).prop_map(|(day, form)| (WEEK[day as usize][form].to_owned(), day))
}

fn daylist() -> BoxedStrategy<(String, Days_)> {
    let one = weekday().prop_map(|(text, day)| (text, vec![day]));
    let group = select(vec![("weekday", 0..5), ("weekdays", 0..5), ("weekend", 5..7), ("Weekends", 5..7)]);
    let group = group.prop_map(|(text, days)| (text.to_owned(), days.collect()));
    let range = (0..7_u32, 0..7_u32, select(vec![" to ", " through ", "-", " - "])).prop_map(|(from, to, word)| {
        let text = format!("{}{word}{}", WEEK[from as usize][0], WEEK[to as usize][2]);
        (text, (0..=(to + 7 - from) % 7).map(|n| (from + n) % 7).collect::<Vec<_>>())
    });
    let item = prop_oneof![3 => one, 1 => group, 1 => range];
    listed(prop::collection::vec(item, 1..4)).prop_map(|(text, days)| (text, Days_::Week(days.concat()))).boxed()
}

/// Days that can stand beside steps.
fn plain_days() -> BoxedStrategy<(String, Days_)> {
    let listed = (daylist(), select(vec!["every ", "on ", "each ", ""]))
        .prop_map(|((text, days), word)| (format!("{word}{text}"), days));
    let all = select(vec!["every day", "each day"]).prop_map(|text| (text.to_owned(), Days_::All));
    prop_oneof![4 => listed, 1 => all].boxed()
}

fn ordinal(n: u32) -> String {
    let suffix = match (n % 10, n) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

/// With the last as 0.
fn nths(most: u32, last: bool) -> impl Strategy<Value = (String, Vec<u32>)> {
    let from = u32::from(!last);
    let nth = (from..=most, any::<bool>(), any::<bool>()).prop_map(|(n, word, the)| {
        let said = match n {
            0 => "last".to_owned(),
            1..=5 if word => WORDS[n as usize - 1].to_owned(),
            _ => ordinal(n),
        };
        (if the { format!("the {said}") } else { said }, n)
    });
    listed(prop::collection::vec(nth, 1..4))
}

/// Days of a month without the months.
fn monthdays() -> BoxedStrategy<(String, (Vec<u32>, Of))> {
    let numbers = nths(31, false).prop_map(|(text, nths)| (text, (nths, Of::Days)));
    let days = nths(31, true).prop_map(|(text, nths)| (format!("{text} day"), (nths, Of::Days)));
    let weekdays = (nths(5, true), weekday())
        .prop_map(|((text, nths), (name, day))| (format!("{text} {name}"), (nths, Of::Weekday(day))));
    let business = select(vec![("the first weekday", 1), ("the last weekday", 0), ("1st weekday", 1)])
        .prop_map(|(text, nth)| (text.to_owned(), (vec![nth], Of::Business)));
    prop_oneof![2 => numbers, 1 => days, 2 => weekdays, 1 => business].boxed()
}

fn month(nths: Vec<u32>, of: Of, months: Vec<u32>) -> Days_ {
    let last = nths.contains(&0);
    Days_::Month { nths: nths.into_iter().filter(|n| *n > 0).collect(), last, of, months }
}

fn months() -> impl Strategy<Value = (String, Vec<u32>)> {
    let name = (1..=12_u32, 0..2_usize).prop_map(|(month, form)| (YEAR[month as usize - 1][form].to_owned(), month));
    listed(prop::collection::vec(name, 1..4))
}

fn date() -> impl Strategy<Value = (String, (u32, u32))> {
    (1..=12_u32, 1..=29_u32, 0..2_usize, 0..4).prop_map(|(month, day, name, form)| {
        let name = YEAR[month as usize - 1][name];
        let text = match form {
            0 => format!("{day} {name}"),
            1 => format!("{} {name}", ordinal(day)),
            2 => format!("{name} {day}"),
            _ => format!("{name} {}", ordinal(day)),
        };
        (text, (month, day))
    })
}

fn dates() -> BoxedStrategy<(String, Days_)> {
    let daily = Just(("daily".to_owned(), Days_::All));
    let week = (select(vec!["weekly", "every week"]), daylist())
        .prop_map(|(word, (text, days))| (format!("{word} on {text}"), days));
    let of_months = prop_oneof![
        select(vec!["every month", "the month", "each month"]).prop_map(|text| (text.to_owned(), Vec::new())),
        months()
    ];
    let monthly = (select(vec!["on", "every", "each"]), monthdays(), of_months).prop_map(
        |(word, (text, (nths, of)), (months_text, months))| {
            (format!("{word} {text} of {months_text}"), month(nths, of, months))
        },
    );
    let each_month = (select(vec!["monthly", "every month"]), monthdays())
        .prop_map(|(word, (text, (nths, of)))| (format!("{word} on {text}"), month(nths, of, Vec::new())));
    let yearly =
        (select(vec!["yearly on", "every year on", "annually on", "on"]), listed(prop::collection::vec(date(), 1..4)))
            .prop_map(|(word, (text, dates))| (format!("{word} {text}"), Days_::Year(dates)));
    let bare = prop_oneof![
        Just(("weekly", Days_::Week(vec![6]))),
        Just(("every week", Days_::Week(vec![6]))),
        Just(("monthly", month(vec![1], Of::Days, Vec::new()))),
        Just(("every year", Days_::Year(vec![(1, 1)]))),
    ]
    .prop_map(|(text, days)| (text.to_owned(), days));
    prop_oneof![2 => plain_days(), 1 => daily, 1 => week, 3 => monthly, 1 => each_month, 2 => yearly, 1 => bare].boxed()
}

fn steps() -> BoxedStrategy<(String, u32)> {
    let minutes = (every(), select(vec![1_u32, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60]));
    let minutes = minutes
        .prop_map(|(every, n)| (if n == 1 { format!("{every} minute") } else { format!("{every} {n} minutes") }, n));
    let hours = (every(), select(vec![1_u32, 2, 3, 4, 6, 8, 12, 24]));
    let hours = hours
        .prop_map(|(every, n)| (if n == 1 { format!("{every} hour") } else { format!("{every} {n} hours") }, n * 60));
    prop_oneof![3 => minutes, 3 => hours, 1 => Just(("hourly".to_owned(), 60))].boxed()
}

fn span() -> impl Strategy<Value = (String, (u32, u32))> {
    (time(), time(), any::<bool>()).prop_filter_map("it has a length", |((from_text, from), (to_text, to), between)| {
        let text = if between {
            format!("between {from_text} and {to_text}")
        } else {
            format!("from {from_text} to {to_text}")
        };
        (from != to).then_some((text, (from, to)))
    })
}

fn stepped() -> BoxedStrategy<Said> {
    (steps(), prop::option::of(span()), prop::option::of(plain_days()), 0..3)
        .prop_filter_map("hours over midnight need every day", |((step, every), span, days, order)| {
            let over = span.as_ref().is_some_and(|(_, (from, to))| from > to);
            let (span_text, clock) = match span {
                None => (String::new(), Clock_::Every(every)),
                Some((text, (from, to))) => (text, Clock_::Span { every, from, to }),
            };
            let (days_text, days) = days.unwrap_or((String::new(), Days_::All));
            let text = match order {
                0 => format!("{days_text} {step} {span_text}"),
                1 => format!("{step} {span_text} {days_text}"),
                _ => format!("{step} {days_text} {span_text}"),
            };
            (!over || matches!(days, Days_::All)).then_some(Said { text, days, clock })
        })
        .boxed()
}

fn clocked() -> BoxedStrategy<Said> {
    let midnight = || Clock_::Times(vec![0]);
    let first = dates().prop_map(move |(text, days)| Said { text, days, clock: midnight() });
    let both = (dates(), times(), any::<bool>()).prop_map(|((dates, days), (times, clock), turned)| {
        let text = if turned { format!("{times} {dates}") } else { format!("{dates} {times}") };
        Said { text, days, clock }
    });
    let second = times().prop_map(|(text, clock)| Said { text, days: Days_::All, clock });
    prop_oneof![1 => first, 5 => both, 1 => second].boxed()
}

fn phrases() -> impl Strategy<Value = Said> {
    let zone = select(vec!["", "", " in Europe/Berlin", " IN asia/jakarta"]);
    (prop_oneof![stepped(), clocked()], zone)
        .prop_map(|(said, zone)| Said { text: format!("{}{zone}", said.text), ..said })
}

fn at(date: NaiveDate, minute: u32) -> NaiveDateTime {
    date.and_hms_opt(minute / 60, minute % 60, 0).unwrap()
}

proptest! {
    #![proptest_config(Config { cases: Config::default().cases * 250 / 256, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_phrase_of_the_grammar_means_what_it_says(said in phrases(), day in 0..731_u64, minutes in prop::collection::vec(0..1440_u32, 3)) {
        let begin = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
        let never = !begin.iter_days().take(3 * 366).any(|date| said.days.has(date));
        let Ok(phrase) = said.text.parse::<Phrase>() else {
            // The grammar makes dates that no year has, and lists that are too long for one schedule.
            let error = said.text.parse::<Phrase>().unwrap_err().to_string();
            prop_assert!(never && error.contains("no year") || error.contains("more than 20"), "{:?}: {}", said, error);
            return Ok(());
        };
        prop_assert_eq!(phrase.zone.is_some(), said.text.to_lowercase().contains(" in "));
        let crons: Vec<Cron> = phrase.expressions.iter().map(|text| text.parse().unwrap()).collect();
        let runs = |at: NaiveDateTime| crons.iter().any(|cron| cron.matches(at));
        let check = |date: NaiveDate, minute: u32| {
            let expected = said.days.has(date) && said.clock.has(minute);
            prop_assert_eq!(runs(at(date, minute)), expected, "{:?} became {:?}, at {}", said, phrase.expressions, at(date, minute));
            Ok(())
        };
        // Every day of two years at a few times, among them one that is named; then whole days.
        let named = (0..1440).find(|minute| said.clock.has(*minute));
        for date in begin.iter_days().take(731) {
            for minute in minutes.iter().copied().chain(named) {
                check(date, minute)?;
            }
        }
        let any = begin + Days::new(day);
        for date in [Some(any), any.iter_days().take(1500).find(|date| said.days.has(*date))].into_iter().flatten() {
            for minute in 0..1440 {
                check(date, minute)?;
            }
        }
        prop_assert_eq!(at(any, 61).hour(), 1);
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(
        words in prop::collection::vec(select(vec![
            "every", "day", "at", "9am", "9", "25:00", "on", "the", "1st", "of", "month", "and", ",", "monday", "weekday", "in",
            "15", "minutes", "between", "last", "december", "é", "other", "second", "am", "-", "to", "99999999999", "ü:30", "UTC",
        ]), 0..9),
    ) {
        let text = words.join(" ");
        match text.parse::<Phrase>() {
            Ok(phrase) => prop_assert!(phrase.expressions.iter().all(|text| text.parse::<Cron>().is_ok())),
            Err(error) => {
                prop_assert!((1..=3).contains(&error.suggestions().len()), "{}: {}", text, error);
                prop_assert!(error.suggestions().iter().all(|text| text.parse::<Phrase>().is_ok()), "{}: {}", text, error);
            }
        }
    }

    #[test]
    fn any_characters_are_read_or_refused_soon(text in prop_oneof!["\\PC{0,256}", "(every |day |at |and |,|1|st |of |:|am |the ){0,64}"]) {
        let began = std::time::Instant::now();
        if let Ok(phrase) = text.parse::<Phrase>() {
            prop_assert!(phrase.expressions.iter().all(|text| text.parse::<Cron>().is_ok()), "{}", text);
        }
        prop_assert!(began.elapsed().as_secs() < 2, "{:?} took {:?}", text, began.elapsed());
    }
}
