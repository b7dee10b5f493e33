//! Windows, calendars and exclusions of a schedule: single behaviours.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;

use super::{
    super::{Becomes, DropReason, Every, Never, Note, Outside, Within},
    calendars::{hours, office},
    *,
};

fn inside(spec: Spec, rules: serde_json::Value, outside: Outside) -> Spec {
    Spec { calendar: Some(Within { hours: Arc::new(hours(rules)), outside }), ..spec }
}

fn notes(spec: &Spec, after: &str, count: usize) -> Vec<Option<Note>> {
    spec.occurrences(at(after)).take(count).map(|run| run.note).collect()
}

#[test]
fn nothing_is_due_before_the_start_or_after_the_end() {
    let mut hourly = spec("0 * * * *", "UTC");
    (hourly.start_at, hourly.end_at) = (Some(at("2026-01-01T02:00:00Z")), Some(at("2026-01-01T04:00:00Z")));
    let all = ["2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z", "2026-01-01T04:00:00Z"];
    assert_eq!(next(&hourly, "2020-01-01T00:00:00Z", 9), all, "both ends belong to it");
    assert_eq!(hourly.dues(at("2020-01-01T00:00:00Z")).count(), 3);
    assert_eq!(next(&hourly, "2026-01-01T04:00:00Z", 9), [""; 0]);
    hourly.start_at = Some(at("2026-01-01T02:00:00.001Z"));
    assert_eq!(next(&hourly, "2020-01-01T00:00:00Z", 9), all[1..]);
    let every = Every::try_from(3600).unwrap();
    let interval = Spec::new(Timing::Interval { every, anchor: at("2025-01-01T00:30:00Z") }, Zone::UTC);
    let interval = Spec { start_at: hourly.start_at, end_at: hourly.end_at, ..interval };
    let half_past = ["2026-01-01T02:30:00Z", "2026-01-01T03:30:00Z"];
    assert_eq!(next(&interval, "2020-01-01T00:00:00Z", 9), half_past, "the anchor stays what is counted from");
    let never = Spec::new(Timing::Never, Zone::UTC);
    assert_eq!((never.next_after(at("2020-01-01T00:00:00Z")), never.why_never()), (None, None));
}

#[test]
fn outside_its_calendar_a_schedule_skips_or_waits_for_the_opening() {
    // 2026-01-02 is a Friday. 18:00 in Jakarta is 11:00.
    let hourly = || spec("30 * * * *", "UTC");
    let skipping = inside(hourly(), office("Asia/Jakarta"), Outside::Skip);
    let expected = ["2026-01-02T10:30:00Z", "2026-01-05T02:30:00Z", "2026-01-05T03:30:00Z"];
    assert_eq!(next(&skipping, "2026-01-02T10:00:00Z", 3), expected);
    let closed = Some(Note::AfterClosed(at("2026-01-02T11:30:00Z").naive_utc()));
    assert_eq!(notes(&skipping, "2026-01-02T10:00:00Z", 3), [None, closed, None]);
    let waiting = inside(hourly(), office("Asia/Jakarta"), Outside::NextOpen);
    let expected = ["2026-01-02T10:30:00Z", "2026-01-05T02:00:00Z", "2026-01-05T02:30:00Z"];
    assert_eq!(next(&waiting, "2026-01-02T10:00:00Z", 3), expected);
    assert_eq!(notes(&waiting, "2026-01-02T10:00:00Z", 3), [None, Some(Note::MovedToOpening), None]);
    let moved = waiting.next_occurrence(at("2026-01-03T12:34:56Z")).unwrap();
    assert_eq!((moved.at, moved.local), (at(expected[1]), at("2026-01-05T01:30:00Z").naive_utc()));
    // What is due at the opening itself needs no moving, and stands for the others.
    let on_the_hour = inside(spec("0 * * * *", "UTC"), office("Asia/Jakarta"), Outside::NextOpen);
    assert_eq!(next(&on_the_hour, "2026-01-02T11:00:00Z", 2), ["2026-01-05T02:00:00Z", "2026-01-05T03:00:00Z"]);
    assert_eq!(notes(&on_the_hour, "2026-01-02T11:00:00Z", 2), [None, None]);
}

#[test]
fn every_due_time_is_told_what_becomes_of_it() {
    let mut waiting = inside(spec("0 17-19,8 * * *", "Asia/Jakarta"), office("Asia/Jakarta"), Outside::NextOpen);
    waiting.exclude = vec![cron("* 19 * * *")];
    let dues = |spec: &Spec| -> Vec<(String, Becomes)> {
        let dues = spec.dues(at("2026-01-02T09:00:00Z")).take_while(|due| due.at < at("2026-01-04T00:00:00Z"));
        dues.map(|due| (due.local.format("%d %H").to_string(), due.becomes)).collect()
    };
    let (opens, friday) = (at("2026-01-05T02:00:00Z"), at("2026-01-02T10:00:00Z"));
    let merged = Becomes::Merged { into: opens };
    let expected: Vec<(String, Becomes)> = [
        ("02 17", Becomes::Runs { at: friday, note: None }),
        ("02 18", merged),
        ("02 19", Becomes::Excluded),
        ("03 08", merged),
        ("03 17", merged),
        ("03 18", merged),
        ("03 19", Becomes::Excluded),
    ]
    .map(|(local, becomes)| (local.to_owned(), becomes))
    .into();
    assert_eq!(dues(&waiting), expected);
    let last = waiting.dues(at("2026-01-04T23:00:00Z")).next().unwrap();
    assert_eq!(last.becomes, Becomes::Runs { at: opens, note: Some(Note::MovedToOpening) });
    // An end before the opening leaves what waits for it without a run.
    let ended = Spec { end_at: Some(at("2026-01-05T01:59:59Z")), ..waiting.clone() };
    let closed = |due: &(String, Becomes)| due.1 == Becomes::Closed;
    assert_eq!(dues(&ended).iter().filter(|due| closed(due)).count(), 4);
    assert_eq!(ended.next_after(friday), None);
    let on_time = Spec { end_at: Some(opens), ..waiting.clone() };
    assert_eq!(on_time.next_after(friday), Some(opens));
    // An opening that is excluded takes all that waits for it.
    waiting.exclude.push(cron("* 9 * * MON"));
    assert_eq!(waiting.next_after(friday), Some(at("2026-01-05T10:00:00Z")));
    assert!(dues(&waiting).iter().skip(1).all(|due| due.1 == Becomes::Excluded));
    let skipping = inside(spec("0 18 * * *", "Asia/Jakarta"), office("Asia/Jakarta"), Outside::Skip);
    assert!(dues(&skipping).iter().all(closed));
}

#[test]
fn a_calendar_can_be_what_is_left_out() {
    let mut nightly = spec("0 * * * *", "Asia/Jakarta");
    let mut rules = office("Asia/Jakarta");
    rules["holidays"] = json!(["2026-01-02"]);
    nightly.exclude_calendar = Some(Arc::new(hours(rules)));
    nightly.exclude = vec![cron("* 18-23 * * *"), cron("* 0-7 * * *")];
    // Thursday at 8, the whole of Friday, a holiday, until six.
    let expected = ["2026-01-01T01:00:00Z", "2026-01-02T01:00:00Z", "2026-01-02T02:00:00Z", "2026-01-02T03:00:00Z"];
    assert_eq!(next(&nightly, "2025-12-31T23:00:00Z", 4), expected);
    assert_eq!(next(&nightly, "2026-01-02T10:00:00Z", 1), ["2026-01-03T01:00:00Z"]);
    nightly.exclude_calendar = Some(Arc::new(hours(json!({"timezone": "UTC", "weekly": {
        "mon": [{"open": "00:00", "close": "24:00"}], "tue": [{"open": "00:00", "close": "24:00"}],
        "wed": [{"open": "00:00", "close": "24:00"}], "thu": [{"open": "00:00", "close": "24:00"}],
        "fri": [{"open": "00:00", "close": "24:00"}], "sat": [{"open": "00:00", "close": "24:00"}],
        "sun": [{"open": "00:00", "close": "24:00"}],
    }}))));
    assert_eq!((nightly.next_after(at("2026-01-01T00:00:00Z")), nightly.why_never()), (None, Some(Never::Excluded)));
}

#[test]
fn a_long_holiday_is_passed_in_one_step() {
    let first = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    let mut rules = office("Europe/Berlin");
    rules["holidays"] = first.iter_days().take(1000).map(|day| json!(day)).collect();
    for (expr, outside, expected) in [
        ("* * * * *", Outside::Skip, "2028-09-27T07:00:00Z"),
        ("* * * * * *", Outside::NextOpen, "2028-09-27T07:00:00Z"),
        ("30 12 * * *", Outside::Skip, "2028-09-27T10:30:00Z"),
    ] {
        let spec = inside(spec(expr, "UTC"), rules.clone(), outside);
        let begin = std::time::Instant::now();
        let found = spec.next_after(at("2026-01-05T12:00:00Z"));
        assert!(begin.elapsed() < std::time::Duration::from_millis(100), "{expr}: {:?}", begin.elapsed());
        assert_eq!(
            found.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).as_deref().map(|text| &text[..10]),
            Some(&expected[..10]),
            "{expr}"
        );
    }
}

#[test]
fn runs_half_a_second_before_an_opening_are_both_found_from_the_end() {
    let every = Every::try_from(60).unwrap();
    let interval = Spec::new(Timing::Interval { every, anchor: at("2026-01-01T00:00:00.500Z") }, Zone::UTC);
    let waiting = inside(interval, office("UTC"), Outside::NextOpen);
    let (from, to) = (at("2026-01-04T00:00:00Z"), at("2026-01-05T09:00:00.700Z"));
    let runs: Vec<_> = waiting.occurrences_between(from, to, 9).iter().map(|run| run.at).collect();
    assert_eq!(runs, [at("2026-01-05T09:00:00Z"), at("2026-01-05T09:00:00.500Z")]);
    assert_eq!(waiting.last_between(from, to).map(|run| run.at), Some(runs[1]));
}

#[test]
fn local_times_that_the_clock_jumps_over_are_listed() {
    let dropped = |spec: &Spec, from: &str, to: &str, bound: usize| -> Vec<(String, DropReason)> {
        let found = spec.dropped(at(from), at(to), bound);
        found.iter().map(|dropped| (dropped.local.to_string(), dropped.reason)).collect()
    };
    let year = ("2024-01-01T00:00:00Z", "2024-12-31T00:00:00Z");
    let skipping = with_policy(cron("30 2 * * *"), zone("Europe/Berlin"), (DstGap::Skip, DstOverlap::First));
    assert_eq!(dropped(&skipping, year.0, year.1, 9), [("2024-03-31 02:30:00".to_owned(), DropReason::Gap)]);
    assert_eq!(
        skipping.dropped(at("2024-03-01T00:00:00Z"), at("2024-04-01T00:00:00Z"), 1)[0].at,
        at("2024-03-31T01:00:00Z")
    );
    assert!(
        dropped(&skipping, "2024-03-31T01:00:00Z", year.1, 9).is_empty()
            && dropped(&skipping, year.0, year.1, 0).is_empty()
    );
    assert_eq!(dropped(&skipping, "2000-01-01T00:00:00Z", "2020-01-01T00:00:00Z", 99).len(), 20);
    let moved = spec("30 2 * * *", "Europe/Berlin");
    assert!(dropped(&moved, year.0, year.1, 9).is_empty(), "it is moved and not dropped");
    let several = spec("0,20,40 2 * * *", "Europe/Berlin");
    let merged = ["2024-03-31 02:20:00", "2024-03-31 02:40:00"].map(|local| (local.to_owned(), DropReason::Merged));
    assert_eq!(dropped(&several, year.0, year.1, 9), merged);
    let wildcard = spec("*/30 * * * *", "Europe/Berlin");
    assert_eq!(dropped(&wildcard, year.0, year.1, 9).len(), 2);
    let mut excluded = wildcard.clone();
    excluded.exclude = vec![cron("30 * * * *")];
    assert_eq!(dropped(&excluded, year.0, year.1, 9).len(), 1);
    excluded.end_at = Some(at("2024-03-01T00:00:00Z"));
    assert!(dropped(&excluded, year.0, year.1, 9).is_empty());
    let shifting = with_policy(cron("*/30 * * * *"), zone("Europe/Berlin"), (DstGap::Shift, DstOverlap::First));
    assert!(dropped(&shifting, year.0, year.1, 9).is_empty());
    assert_eq!(dropped(&spec("0 0 * * *", "UTC"), "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", 9), []);
}

#[test]
fn what_never_runs_is_told_from_what_is_over() {
    let why = |spec: &Spec| spec.why_never();
    let daily = || spec("0 8 * * *", "Asia/Jakarta");
    let office = || office("Asia/Jakarta");
    assert_eq!(why(&inside(daily(), office(), Outside::Skip)), Some(Never::Closed));
    assert_eq!(why(&inside(daily(), office(), Outside::NextOpen)), None);
    let mut early = office();
    early["extra_days"] = json!([{"date": "2041-05-04", "hours": [{"open": "07:00", "close": "10:00"}]}]);
    assert_eq!(why(&inside(daily(), early, Outside::Skip)), None, "one day in 2041 is found");
    let excluding = |exclude: &[&str]| Spec { exclude: exclude.iter().map(|expr| cron(expr)).collect(), ..daily() };
    assert_eq!(why(&excluding(&["0 8 * * *"])), Some(Never::Excluded));
    assert_eq!(why(&excluding(&["* * 1-28 * *", "* * 30,31 * *", "* * 29 1,3-12 *"])), None, "leap days are left");
    let mut only_holidays = daily();
    let all_day = json!([{"open": "00:00", "close": "24:00"}]);
    let week = json!({"mon": all_day, "tue": all_day, "wed": all_day, "thu": all_day, "fri": all_day, "sat": all_day, "sun": all_day});
    let rules = |holidays: serde_json::Value| json!({"timezone": "Asia/Jakarta", "weekly": week, "holidays": holidays});
    only_holidays.exclude_calendar = Some(Arc::new(hours(rules(json!(["2035-07-01"])))));
    assert_eq!(
        (why(&only_holidays), next(&only_holidays, "2026-01-01T00:00:00Z", 2)),
        (None, vec!["2035-07-01T01:00:00Z".into()])
    );
    only_holidays.exclude_calendar = Some(Arc::new(hours(rules(json!([])))));
    assert_eq!(why(&only_holidays), Some(Never::Excluded));
    let both = Spec { exclude: vec![cron("* 12 * * *")], ..inside(daily(), office(), Outside::Skip) };
    assert_eq!(why(&both), Some(Never::Closed));
    let window = |start: &str, end: &str| Spec { start_at: Some(at(start)), end_at: Some(at(end)), ..daily() };
    assert_eq!(why(&window("2026-01-01T02:00:00Z", "2026-01-02T00:59:59Z")), Some(Never::Due));
    assert_eq!(why(&window("2026-01-01T02:00:00Z", "2026-01-02T01:00:00Z")), None);
    assert_eq!(why(&window("1950-01-01T02:00:00Z", "1951-01-02T01:00:00Z")), None, "that is over");
    assert_eq!(why(&spec("0 0 0 1 1 * 2001", "UTC")), None, "that is over");
    assert_eq!(why(&Spec::new(Timing::Once { at: at("1960-01-01T00:00:00Z") }, Zone::UTC)), None);
    assert_eq!(why(&Spec::new(Timing::Once { at: at("2260-01-01T00:00:00Z") }, Zone::UTC)), Some(Never::Due));
    let once = Spec::new(Timing::Once { at: at("2026-01-03T00:00:00Z") }, Zone::UTC);
    assert_eq!(why(&inside(once, office(), Outside::Skip)), Some(Never::Closed));
    let far = Spec { start_at: Some(at("2026-01-01T00:00:00Z") + TimeDelta::days(90_000)), ..daily() };
    assert_eq!(why(&far), Some(Never::Due));
}
