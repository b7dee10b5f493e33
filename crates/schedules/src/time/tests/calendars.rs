//! Business calendars: what is refused, when they are open, against an oracle that compares the written times.

use chrono::{NaiveDateTime, TimeDelta};
use proptest::{prelude::*, test_runner::Config};
use serde_json::{Value, json};

use super::{
    super::{Calendar, OpenHours},
    oracle::local,
    properties::{ODD_ZONES, zoned_instants},
    *,
};

pub fn calendar(rules: Value) -> Calendar {
    serde_json::from_value(rules).unwrap()
}

pub fn hours(rules: Value) -> OpenHours {
    calendar(rules).open_hours().unwrap()
}

/// Monday to Friday, 09:00 to 18:00.
pub fn office(zone: &str) -> Value {
    let day = json!([{"open": "09:00", "close": "18:00"}]);
    json!({"timezone": zone, "weekly": {"mon": day, "tue": day, "wed": day, "thu": day, "fri": day}})
}

fn wrong(rules: Value) -> Vec<(String, String)> {
    let errors = calendar(rules).open_hours().unwrap_err();
    errors.into_iter().map(|error| (error.pointer, error.message)).collect()
}

fn opens(hours: &OpenHours, after: &str) -> String {
    hours.next_open(at(after)).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[test]
fn an_office_in_jakarta_is_open_from_nine_to_six_on_weekdays() {
    let office = hours(office("Asia/Jakarta"));
    // Jakarta is seven hours ahead; 2026-01-02 is a Friday.
    for (instant, open) in [
        ("2026-01-02T01:59:59.999Z", false),
        ("2026-01-02T02:00:00Z", true),
        ("2026-01-02T10:59:59Z", true),
        ("2026-01-02T11:00:00Z", false),
        ("2026-01-03T05:00:00Z", false),
        ("2026-01-04T05:00:00Z", false),
        ("2026-01-05T02:00:00Z", true),
    ] {
        assert_eq!(office.is_open(at(instant)), open, "{instant}");
    }
    assert_eq!(opens(&office, "2026-01-02T05:00:00Z"), "2026-01-02T05:00:00Z", "it is open already");
    assert_eq!(opens(&office, "2026-01-02T11:00:00Z"), "2026-01-05T02:00:00Z");
    assert_eq!(office.closed_since(at("2026-01-04T05:00:00Z")), at("2026-01-02T11:00:00Z"));
    assert_eq!(office.closed_since(at("2026-01-02T05:00:00Z")), at("2026-01-02T05:00:00Z"));
}

#[test]
fn an_extra_day_wins_over_a_holiday_and_a_holiday_over_the_weekday() {
    let mut rules = office("Asia/Jakarta");
    rules["holidays"] = json!(["2026-12-25", "--01-01", "02-29", "2026-12-28", "2026-12-26"]);
    rules["extra_days"] = json!([
        {"date": "2026-12-27", "hours": [{"open": "10:00", "close": "14:00"}]},
        {"date": "2026-12-28", "hours": [{"open": "20:00", "close": "24:00"}]},
    ]);
    let hours = hours(rules);
    // Friday 2026-12-25 is a holiday, Sunday the 27th open, Monday the 28th a holiday with hours in the evening.
    assert_eq!(opens(&hours, "2026-12-24T11:00:00Z"), "2026-12-27T03:00:00Z");
    assert_eq!(opens(&hours, "2026-12-27T07:00:00Z"), "2026-12-28T13:00:00Z");
    assert_eq!(opens(&hours, "2026-12-28T17:00:00Z"), "2026-12-29T02:00:00Z");
    // New Year of every year: 2027-01-01 is a Friday, 2029-01-01 a Monday.
    assert!(!hours.is_open(at("2027-01-01T05:00:00Z")) && !hours.is_open(at("2029-01-01T05:00:00Z")));
    // Thursday 29 February 2024; the 28th is as usual.
    assert!(!hours.is_open(at("2024-02-29T05:00:00Z")) && hours.is_open(at("2024-02-28T05:00:00Z")));
}

#[test]
fn hours_may_be_several_touch_and_end_with_the_day() {
    let rules = json!({"timezone": "UTC", "weekly": {
        "mon": [{"open": "13:00", "close": "18:00"}, {"open": "08:00", "close": "12:00"}, {"open": "12:00", "close": "12:30"}],
        "tue": [{"open": "22:00", "close": "24:00"}], "wed": [{"open": "00:00", "close": "02:00"}],
    }});
    let hours = hours(rules);
    assert_eq!(opens(&hours, "2026-01-05T00:00:00Z"), "2026-01-05T08:00:00Z");
    assert!(hours.is_open(at("2026-01-05T12:29:59Z")) && !hours.is_open(at("2026-01-05T12:30:00Z")));
    assert_eq!(opens(&hours, "2026-01-05T12:30:00Z"), "2026-01-05T13:00:00Z");
    assert_eq!(opens(&hours, "2026-01-06T23:59:59Z"), "2026-01-06T23:59:59Z");
    assert_eq!(hours.open_until(at("2026-01-06T23:00:00Z")), Some(at("2026-01-07T02:00:00Z")));
    assert_eq!(hours.closed_since(at("2026-01-07T02:00:00Z")), at("2026-01-07T02:00:00Z"));
}

#[test]
fn changes_of_the_clock_move_openings_and_repeat_hours() {
    let sundays = |open: &str, close: &str, zone: &str| {
        hours(json!({"timezone": zone, "weekly": {"sun": [{"open": open, "close": close}]}}))
    };
    // 2024-03-31 in Berlin: 02:00 to 03:00 does not exist. 2024-10-27: it exists twice.
    let early = sundays("02:30", "05:00", "Europe/Berlin");
    assert_eq!(opens(&early, "2024-03-30T12:00:00Z"), "2024-03-31T01:00:00Z");
    assert_eq!(early.closed_since(at("2024-03-31T00:59:59Z")), at("2024-03-24T04:00:00Z"));
    let inside = sundays("02:10", "02:50", "Europe/Berlin");
    assert_eq!(opens(&inside, "2024-03-30T12:00:00Z"), "2024-04-07T00:10:00Z", "the whole of it is jumped over");
    assert_eq!(opens(&inside, "2024-10-26T12:00:00Z"), "2024-10-27T00:10:00Z");
    assert_eq!(opens(&inside, "2024-10-27T00:50:00Z"), "2024-10-27T01:10:00Z", "and again in the second pass");
    assert_eq!(opens(&inside, "2024-10-27T01:50:00Z"), "2024-11-03T01:10:00Z");
    assert_eq!(inside.closed_since(at("2024-10-27T01:05:00Z")), at("2024-10-27T00:50:00Z"));
    // It closes when the clock is put back from 03:00 to 02:00, and opens again at 02:30.
    assert_eq!(early.open_until(at("2024-10-27T00:40:00Z")), Some(at("2024-10-27T01:00:00Z")));
    assert_eq!(early.open_until(at("2024-10-27T01:40:00Z")), Some(at("2024-10-27T04:00:00Z")));
    assert_eq!(inside.open_until(at("2024-10-27T00:40:00Z")), Some(at("2024-10-27T00:50:00Z")));
    // 2018-11-04 in Sao Paulo begins at 01:00.
    assert_eq!(opens(&sundays("00:00", "04:00", "America/Sao_Paulo"), "2018-11-03T12:00:00Z"), "2018-11-04T03:00:00Z");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let found = wrong(json!({
        "timezone": "Europe/Berln",
        "weekly": {
            "mon": [{"open": "09:00", "close": "18:00"}, {"open": "22:00", "close": "06:00"}],
            "tue": [{"open": "9:00", "close": "25:00"}],
            "wed": [{"open": "10:00", "close": "10:00"}, {"open": "24:00", "close": "24:01"}],
            "thu": vec![json!({"open": "09:00", "close": "18:00"}); 11],
            "fri": [{"open": "18:00", "close": "00:00"}],
        },
        "holidays": ["2026-02-30", "--13-01", "12-25", "christmas", "2026-12-5", "-12-25"],
        "extra_days": [
            {"date": "2026-12-27", "hours": [{"open": "10:00", "close": "09:00"}]},
            {"date": "2026-12-27", "hours": []},
            {"date": "12-27", "hours": [{"open": "10:00", "close": "11:00"}]},
        ],
    }));
    let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    let expected = [
        "/weekly/mon/1/close",
        "/weekly/tue/0/open",
        "/weekly/tue/0/close",
        "/weekly/wed/0/close",
        "/weekly/wed/1/open",
        "/weekly/wed/1/close",
        "/weekly/thu",
        "/weekly/fri/0/close",
        "/holidays/0",
        "/holidays/1",
        "/holidays/3",
        "/holidays/4",
        "/holidays/5",
        "/extra_days/0/hours/0/close",
        "/extra_days/1/hours",
        "/extra_days/1/date",
        "/extra_days/2/date",
    ];
    assert_eq!(pointers[0], "/timezone");
    assert_eq!(pointers[1..], expected);
    assert!(found[1].1.contains("give two ranges: 22:00 to 24:00, and 00:00 to 06:00"), "{}", found[1].1);
    assert!(found[8].1.contains("write 24:00"), "{}", found[8].1);
}

#[test]
fn a_calendar_that_is_never_open_and_too_long_lists_are_refused() {
    assert_eq!(wrong(json!({"timezone": "UTC"}))[0].0, "/weekly");
    let days = |year: i32| {
        let first = chrono::NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        first.iter_days().take_while(move |day| chrono::Datelike::year(day) == year)
    };
    let mut all_holidays = office("UTC");
    all_holidays["holidays"] = days(2024).map(|day| json!(day.format("--%m-%d").to_string())).collect();
    assert_eq!(wrong(all_holidays.clone())[0].0, "/weekly");
    all_holidays["extra_days"] = json!([{"date": "2030-01-01", "hours": [{"open": "00:00", "close": "24:00"}]}]);
    let one_day = hours(all_holidays);
    assert_eq!(opens(&one_day, "2026-01-01T00:00:00Z"), "2030-01-01T00:00:00Z");
    assert_eq!(one_day.next_open(at("2030-01-02T00:00:00Z")), None);
    assert_eq!(one_day.closed_since(at("2040-01-01T00:00:00Z")), at("2030-01-02T00:00:00Z"));
    let mut long = office("UTC");
    long["holidays"] = vec![json!("--12-25"); 1001].into();
    assert_eq!(wrong(long)[0], ("/holidays".to_owned(), "are more than 1000".to_owned()));
    let mut long = office("UTC");
    long["extra_days"] =
        days(2024).chain(days(2025)).chain(days(2026)).map(|day| json!({"date": day, "hours": []})).collect();
    assert_eq!(wrong(long)[0].0, "/extra_days");
    for unknown in [json!({"timezone": "UTC", "x": 1}), json!({"timezone": "UTC", "weekly": {"monday": []}})] {
        assert!(serde_json::from_value::<Calendar>(unknown).is_err());
    }
    let rules = office("Asia/Jakarta");
    assert_eq!(serde_json::to_value(calendar(rules.clone())).unwrap(), rules, "it is written as it was read");
}

/// Whether a calendar is open at a local time, by comparing texts.
pub fn shows_open(calendar: &Calendar, local: NaiveDateTime) -> bool {
    let (date, time) = (local.format("%Y-%m-%d").to_string(), local.format("%H:%M").to_string());
    let weekly = &calendar.weekly;
    let of_weekday = match local.format("%a").to_string().as_str() {
        "Mon" => &weekly.mon,
        "Tue" => &weekly.tue,
        "Wed" => &weekly.wed,
        "Thu" => &weekly.thu,
        "Fri" => &weekly.fri,
        "Sat" => &weekly.sat,
        _ => &weekly.sun,
    };
    let extra = calendar.extra_days.iter().find(|day| day.date == date);
    let holiday = calendar.holidays.iter().any(|day| *day == date || day.trim_start_matches('-') == &date[5..]);
    let hours = match extra {
        Some(day) => &day.hours,
        None if holiday => return false,
        None => of_weekday,
    };
    hours.iter().any(|hours| hours.open <= time && time < hours.close)
}

fn clock_time(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// One or two ranges, as often as not in the hours in which clocks change.
fn day_hours() -> BoxedStrategy<Value> {
    let edge = prop_oneof![0..=96_u32, 0..=16_u32].prop_map(|quarters| quarters * 15);
    let ranges = prop::collection::btree_set(edge, 2..5).prop_map(|edges| {
        let edges: Vec<u32> = edges.into_iter().collect();
        edges
            .chunks_exact(2)
            .map(|edge| json!({"open": clock_time(edge[0]), "close": clock_time(edge[1])}))
            .collect::<Value>()
    });
    prop_oneof![2 => Just(json!([])), 3 => ranges].boxed()
}

/// Calendars with a few special days around `near`.
pub fn calendars(near: DateTime<Utc>) -> impl Strategy<Value = Calendar> {
    let special = prop::collection::vec((-6..6_i64, 0..3_u8, day_hours()), 0..4);
    (proptest::sample::select(&ODD_ZONES[..]), prop::collection::vec(day_hours(), 7), special).prop_filter_map(
        "it is open at times",
        move |(zone, week, special)| {
            let (mut holidays, mut extra) = (Vec::new(), std::collections::BTreeMap::new());
            for (offset, kind, hours) in special {
                let date = (near + TimeDelta::days(offset)).date_naive();
                match kind {
                    0 => holidays.push(json!(date)),
                    1 => holidays.push(json!(date.format("--%m-%d").to_string())),
                    _ if hours == json!([]) => {}
                    _ => drop(extra.insert(date, hours)),
                }
            }
            let weekly: serde_json::Map<_, _> =
                ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(str::to_owned).into_iter().zip(week).collect();
            let extra: Value = extra.into_iter().map(|(date, hours)| json!({"date": date, "hours": hours})).collect();
            let rules = json!({"timezone": zone, "weekly": weekly, "holidays": holidays, "extra_days": extra});
            let calendar = calendar(rules);
            calendar.open_hours().is_ok().then_some(calendar)
        },
    )
}

/// Every whole minute after an instant: calendars open and close at such.
fn minutes(after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    let first = after.timestamp().div_euclid(60) + 1;
    (first..).map(|minute| DateTime::from_timestamp(minute * 60, 0).unwrap())
}

proptest! {
    #![proptest_config(Config { cases: Config::default().cases * 100 / 256, failure_persistence: None, ..Config::default() })]

    #[test]
    fn openings_and_closings_are_those_that_counting_minutes_finds(
        ((_, at), rules) in zoned_instants().prop_flat_map(|(zone, at)| (Just((zone, at)), calendars(at))),
    ) {
        let hours = rules.open_hours().unwrap();
        let open = |at: DateTime<Utc>| shows_open(&rules, local(hours.zone(), at));
        prop_assert_eq!(hours.is_open(at), open(at));
        let window = 3 * 24 * 60;
        let expected = if open(at) { Some(at) } else { minutes(at).take(window).find(|at| open(*at)) };
        let found = hours.next_open(at);
        match expected {
            Some(_) => prop_assert_eq!(found, expected),
            None => prop_assert!(found.is_none_or(|found| open(found) && found > at + TimeDelta::days(3) - TimeDelta::minutes(1))),
        }
        if let Some(until) = hours.open_until(at) {
            prop_assert!(until > at && minutes(at).take_while(|at| *at < until).take(window).all(open), "open until {}", until);
        } else {
            prop_assert!(!open(at));
        }
        let since = hours.closed_since(at);
        prop_assert!(since <= at && (open(at) || minutes(since - TimeDelta::minutes(1)).take_while(|x| *x <= at).take(window).all(|at| !open(at))));
        prop_assert!(open(at) || since == at || open(since - TimeDelta::seconds(1)) || since < at - TimeDelta::days(3));
    }
}
