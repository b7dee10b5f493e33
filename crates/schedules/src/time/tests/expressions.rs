//! What can be written, and what is said about the rest.

use std::time::{Duration, Instant};

use super::{
    super::{CronError, DayMatch, Every},
    *,
};

fn refused(expr: &str) -> String {
    Cron::parse(expr).expect_err(expr).to_string()
}

#[test]
fn names_nicknames_and_blanks_are_put_into_canonical_text() {
    for (text, canonical) in [
        ("  0  9 * jan-mar   mon-fri ", "0 9 * JAN-MAR MON-FRI"),
        ("0 0 ? * ?", "0 0 * * *"),
        ("@Daily", "@daily"),
        ("0 0 13 * +fri", "0 0 13 * +FRI"),
        ("0 0 * * +fri", "0 0 * * FRI"),
    ] {
        assert_eq!(cron(text).to_string(), canonical);
    }
    let friday_13 = Cron::parse_with("0 0 13 * FRI", DayMatch::Both).unwrap();
    assert_eq!(friday_13.as_str(), "0 0 13 * +FRI");
    assert_eq!(next(&Spec::cron(friday_13, Zone::UTC), "2025-01-01T00:00:00Z", 1), ["2025-06-13T00:00:00Z"]);
    assert_eq!(serde_json::to_string(&cron("@daily")).unwrap(), "\"@daily\"");
    assert_eq!(serde_json::from_str::<Cron>("\"0 9 * * fri\"").unwrap(), cron("0 9 * * FRI"));
}

#[test]
fn each_form_runs_when_it_says() {
    for (expr, expected) in [
        ("@yearly", ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
        ("@annually", ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
        ("@monthly", ["2025-02-01T00:00:00Z", "2025-03-01T00:00:00Z"]),
        ("@weekly", ["2025-01-05T00:00:00Z", "2025-01-12T00:00:00Z"]),
        ("@daily", ["2025-01-02T00:00:00Z", "2025-01-03T00:00:00Z"]),
        ("@midnight", ["2025-01-02T00:00:00Z", "2025-01-03T00:00:00Z"]),
        ("@hourly", ["2025-01-01T01:00:00Z", "2025-01-01T02:00:00Z"]),
        ("0 0 * * 0", ["2025-01-05T00:00:00Z", "2025-01-12T00:00:00Z"]),
        ("0 0 * * 7", ["2025-01-05T00:00:00Z", "2025-01-12T00:00:00Z"]),
        ("0 0 * * SAT-SUN", ["2025-01-04T00:00:00Z", "2025-01-05T00:00:00Z"]),
        ("0 0 * * 7-1", ["2025-01-05T00:00:00Z", "2025-01-06T00:00:00Z"]),
        ("0 22-2/2 * * *", ["2025-01-01T02:00:00Z", "2025-01-01T22:00:00Z"]),
        ("0 0 15W * *", ["2025-01-15T00:00:00Z", "2025-02-14T00:00:00Z"]),
        ("0 0 LW * *", ["2025-01-31T00:00:00Z", "2025-02-28T00:00:00Z"]),
        ("0 0 * * FRIL", ["2025-01-31T00:00:00Z", "2025-02-28T00:00:00Z"]),
        ("0 0 * * FRI#2", ["2025-01-10T00:00:00Z", "2025-02-14T00:00:00Z"]),
        ("7/20 0 2 1 1 *", ["2025-01-01T02:00:07Z", "2025-01-01T02:00:27Z"]),
        ("0 0 0 1 NOV-FEB * 2026-2027", ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]),
    ] {
        assert_eq!(next(&spec(expr, "UTC"), "2025-01-01T00:00:00Z", 2), expected, "{expr}");
    }
    let only_2025 = spec("0 0 12 1 6 * 2025", "UTC");
    assert_eq!(next(&only_2025, "2025-01-01T00:00:00Z", 9), ["2025-06-01T12:00:00Z"]);
}

#[test]
fn what_is_wrong_is_said_in_plain_words() {
    for (expr, words) in [
        ("", "is empty"),
        ("0 9 * *", "has 4 fields; write five"),
        ("@dayly", "unknown name \"@dayly\"; there are @yearly"),
        ("@every 5s", "is an interval"),
        ("61 * * * *", "wrong minute field: \"61\" is not one of 0 to 59"),
        ("0 25 * * *", "wrong hour field: \"25\" is not one of 0 to 23"),
        ("0 0 32 * *", "wrong day-of-month field: \"32\""),
        ("0 0 * 13 *", "wrong month field: \"13\" is not one of 1 to 12 or JAN to DEC"),
        ("0 0 * * FOO", "wrong day-of-week field: \"FOO\""),
        ("MON 0 * * *", "wrong minute field: \"MON\""),
        ("0 0 MAY * *", "wrong day-of-month field: \"MAY\""),
        ("*/90 * * * *", "the step in \"*/90\" is not between 1 and 59"),
        ("*/0 * * * *", "the step in \"*/0\" is not between 1 and 59"),
        ("1,,2 * * * *", "empty item"),
        ("*,5 * * * *", "* cannot stand in a list"),
        ("0 0 15W5 * *", "wrong day-of-month field: \"15W5\""),
        ("0 0 * * L", "wrong day-of-week field: \"L\""),
        ("0 0 * * FRI#6", "wrong day-of-week field: \"FRI#6\""),
        ("5L * * * *", "\"5L\" uses L, W or #, which only the day fields take"),
        ("0 0 L,LW * *", "L and LW"),
        ("0 0 0 1 1 * 2030-2020", "runs backwards"),
        ("0 0 0 1 1 * 2500", "wrong year field: \"2500\" is not one of 1970 to 2199"),
        ("+5 * * * *", "wrong minute field: \"+5\""),
        ("0 \u{e9} * * *", "wrong hour field"),
    ] {
        assert!(refused(expr).contains(words), "{expr}: {}", refused(expr));
    }
    assert_eq!(Cron::parse(&"*".repeat(600)), Err(CronError::TooLong));
}

#[test]
fn a_pattern_that_can_never_match_is_refused_at_once() {
    let never = ["0 0 30 2 *", "0 0 31 4 *", "0 0 31 11 *", "0 0 31 4,6,9,11 *", "0 0 31W 2 *", "0 0 1 * +MON#2"];
    let with_year = ["0 0 0 29 2 * 2025", "0 0 0 29 2 * 2100", "0 0 0 31 6 * 2030-2040", "0 0 0 13 6 +SUN 2025"];
    let mut fastest = Duration::MAX;
    for expr in never.into_iter().chain(with_year) {
        let begin = Instant::now();
        assert_eq!(Cron::parse(expr), Err(CronError::Never), "{expr}");
        fastest = fastest.min(begin.elapsed());
    }
    assert!(fastest < Duration::from_millis(5), "{fastest:?}");
    // 30 February or any Monday is fine, and so are leap days.
    for expr in ["0 0 30 2 MON", "0 0 29 2 *", "0 0 29 2 +MON", "0 0 31 * *", "0 0 0 29 2 * 2024"] {
        cron(expr);
    }
}

#[test]
fn a_leap_day_is_found_across_a_century_without_one() {
    assert_eq!(next(&spec("0 0 29 2 *", "UTC"), "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00:00Z"]);
    assert_eq!(next(&spec("0 0 29 2 +MON", "UTC"), "2072-03-01T00:00:00Z", 1), ["2112-02-29T00:00:00Z"]);
}

#[test]
fn unknown_zones_are_refused_with_a_suggestion() {
    for (name, suggestion) in [
        ("europe/berlin", Some("Europe/Berlin")),
        ("Europe/Berln", Some("Europe/Berlin")),
        ("America/New York", Some("America/New_York")),
        ("Kolkata", Some("Asia/Kolkata")),
        ("PST", None),
        ("UTC+2", None),
        ("", None),
    ] {
        let error = name.parse::<Zone>().unwrap_err();
        assert_eq!(error.suggestion(), suggestion, "{name}");
        assert!(error.to_string().contains("is not an IANA time zone; "), "{error}");
    }
    assert_eq!(zone("Asia/Calcutta").name(), "Asia/Calcutta");
    assert_eq!(serde_json::to_string(&zone("Europe/Berlin")).unwrap(), "\"Europe/Berlin\"");
    assert!(serde_json::from_str::<Zone>("\"Mars/Olympus\"").is_err());
}

#[test]
fn settings_have_stable_names() {
    let names = |values: &[DstGap]| serde_json::to_string(values).unwrap();
    assert_eq!(names(&[DstGap::NextValid, DstGap::Skip, DstGap::Shift]), r#"["next_valid","skip","shift"]"#);
    let overlaps = [DstOverlap::First, DstOverlap::Last, DstOverlap::Both];
    assert_eq!(serde_json::to_string(&overlaps).unwrap(), r#"["first","last","both"]"#);
    assert!(Every::try_from(0).is_err() && Every::try_from(31_536_001).is_err());
    assert!(serde_json::from_str::<Every>("0").is_err());
    assert_eq!(serde_json::from_str::<Every>("31536000").unwrap().seconds(), Every::MAX_SECONDS);
}
