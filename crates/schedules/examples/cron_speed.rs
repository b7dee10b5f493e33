//! How long the next time of usual schedules takes, and the refusal of those that never run.
//! `cargo run -p schedules --release --example cron_speed`

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use schedules::{InCalendar, KeptCalendar, StoredTiming, time::Outside, time::Phrase};
use serde_json::json;
use uuid::Uuid;

const EXPRESSIONS: [(&str, &str); 14] = [
    ("* * * * *", "UTC"),
    ("*/5 * * * *", "UTC"),
    ("*/5 * * * *", "Europe/Berlin"),
    ("0 * * * *", "America/New_York"),
    ("0 9 * * MON-FRI", "Asia/Jakarta"),
    ("0 9 * * MON-FRI", "Europe/Berlin"),
    ("30 2 * * *", "America/New_York"),
    ("0 0 * * *", "America/Sao_Paulo"),
    ("0 0 1 * *", "Europe/London"),
    ("0 8 L * *", "Pacific/Auckland"),
    ("0 9 * * FRI#2", "Australia/Lord_Howe"),
    ("0 12 15W * *", "Africa/Casablanca"),
    ("*/10 * * * * *", "Europe/Dublin"),
    ("0 0 29 2 *", "UTC"),
];

fn main() {
    let from: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut worst = 0;
    for (expression, zone) in EXPRESSIONS {
        let median = median(&StoredTiming::cron(vec![expression.to_owned()], zone), from);
        worst = worst.max(median);
        println!("{median:>8} ns  {expression} {zone}");
    }
    println!("{worst:>8} ns  the slowest of these\n");
    for (name, timing) in limited() {
        println!("{:>8} ns  {name}", median(&timing, from));
    }
    let mut slowest = (Duration::ZERO, String::new());
    for (name, refuse) in refusals() {
        let mut taken: Vec<Duration> = Vec::new();
        for _ in 0..9 {
            let begin = Instant::now();
            assert!(refuse(), "{name} is not refused");
            taken.push(begin.elapsed());
        }
        taken.sort_unstable();
        let taken = taken[4];
        println!("{:>8} us  refused: {name}", taken.as_micros());
        slowest = slowest.max((taken, name));
    }
    println!("{:>8} us  the slowest refusal: {}", slowest.0.as_micros(), slowest.1);
}

/// The median of a few thousand steps, in nanoseconds.
fn median(timing: &StoredTiming, from: DateTime<Utc>) -> u128 {
    let spec = timing.spec().unwrap();
    let mut at = from;
    let mut taken: Vec<u128> = Vec::new();
    for _ in 0..5000 {
        let begin = Instant::now();
        let next = spec.next_after(at);
        taken.push(begin.elapsed().as_nanos());
        at = next.unwrap_or(from);
    }
    taken.sort_unstable();
    taken[taken.len() / 2]
}

fn hours(days: &[&str], open: &str, close: &str) -> serde_json::Value {
    days.iter()
        .map(|day| ((*day).to_owned(), json!([{"open": open, "close": close}])))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn office(outside: Outside) -> InCalendar {
    let weekly = hours(&["mon", "tue", "wed", "thu", "fri"], "09:00", "18:00");
    let rules =
        serde_json::from_value(json!({"timezone": "Asia/Jakarta", "weekly": weekly, "holidays": ["--12-25"]})).unwrap();
    InCalendar { id: Uuid::nil(), name: "office".to_owned(), version: 1, outside, rules }
}

fn always(holidays: &[String]) -> KeptCalendar {
    let weekly = hours(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "00:00", "24:00");
    let rules =
        serde_json::from_value(json!({"timezone": "Europe/Berlin", "weekly": weekly, "holidays": holidays})).unwrap();
    KeptCalendar { id: Uuid::nil(), name: "always".to_owned(), version: 1, rules }
}

/// Schedules with calendars and exclusions.
fn limited() -> Vec<(&'static str, StoredTiming)> {
    let quarters = || StoredTiming::cron(vec!["*/15 * * * *".to_owned()], "Europe/Berlin");
    vec![
        ("*/15 in office hours, skip", StoredTiming { calendar: Some(office(Outside::Skip)), ..quarters() }),
        ("*/15 in office hours, next_open", StoredTiming { calendar: Some(office(Outside::NextOpen)), ..quarters() }),
        (
            "*/15 but nights and Sundays",
            StoredTiming { exclude: vec!["* 0-6 * * *".into(), "* * * * SUN".into()], ..quarters() },
        ),
        ("every 90 s", StoredTiming::interval(90, "2020-01-01T00:00:00Z".parse().unwrap())),
    ]
}

type Refusal = (String, Box<dyn Fn() -> bool>);

/// What must be refused at once.
fn refusals() -> Vec<Refusal> {
    let timing =
        |name: &str, timing: StoredTiming| -> Refusal { (name.to_owned(), Box::new(move || timing.check().is_err())) };
    let cron = |text: &str| StoredTiming::cron(vec![text.to_owned()], "Europe/Berlin");
    let mut found = Vec::new();
    for text in [
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
        "0 0 0 29 2 * 2100",
        "0 0 1 * +MON#2",
        "0 0 0 31 6 * 2030-2199",
        "61 * * * *",
    ] {
        found.push(timing(text, cron(text)));
    }
    found.push(timing(
        "an unknown zone",
        StoredTiming::cron(vec!["0 9 * * *".into()], "Europe/Berlin_and_some_more_letters_ok"),
    ));
    let excluding = |text: &str, exclude: &[&str]| StoredTiming {
        exclude: exclude.iter().map(ToString::to_string).collect(),
        ..cron(text)
    };
    found.push(timing("30 * * * * without 30 * * * *", excluding("30 * * * *", &["30 * * * *"])));
    found.push(timing("every second without every second", excluding("* * * * * *", &["* * * * * *"])));
    found.push(timing("* * * * * without both half hours", excluding("* * * * *", &["0-29 * * * *", "30-59 * * * *"])));
    found.push(timing("7 * * * * without odd minutes", excluding("7 * * * *", &["1/2 * * * *"])));
    let minutes: Vec<String> = (0..20).map(|minute| format!("{minute} * * * *")).collect();
    let all =
        StoredTiming { exclude: vec!["0-19 * * * *".into()], ..StoredTiming::cron(minutes.clone(), "Europe/Berlin") };
    found.push(timing("20 expressions, all excluded", all));
    let all = StoredTiming { exclude: minutes.clone(), ..StoredTiming::cron(minutes, "America/New_York") };
    found.push(timing("20 expressions, excluded one by one", all));
    found.push(timing(
        "08:00 in an office",
        StoredTiming { calendar: Some(office(Outside::Skip)), ..cron("0 0 * * *") },
    ));
    let holidays: Vec<String> =
        (0..1000).map(|n| format!("{}-{:02}-{:02}", 2026 + n / 336, n / 28 % 12 + 1, n % 28 + 1)).collect();
    let both = StoredTiming {
        calendar: Some(office(Outside::Skip)),
        exclude_calendar: Some(always(&holidays)),
        ..cron("0 0 * * *")
    };
    found.push(timing("08:00 in an office and on 1000 holidays", both));
    found.push(timing(
        "what a calendar always excludes",
        StoredTiming { exclude_calendar: Some(always(&[])), ..cron("* * * * *") },
    ));
    let (start, end) = ("2026-01-01T02:00:00Z".parse().ok(), "2026-01-01T03:00:00Z".parse().ok());
    found.push(timing("a window without a due time", cron("0 9 * * *").within(start, end)));
    for text in
        ["every 7 minutes", "evry mondya at 25:00 in Europe/Berln", "when the moon is full and the sun does shine"]
    {
        found.push((format!("\"{text}\""), Box::new(move || text.parse::<Phrase>().is_err())));
    }
    found
}
