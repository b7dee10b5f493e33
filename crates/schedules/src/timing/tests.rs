//! What is stored, what is read again, and what is refused by the names of the API.

use serde_json::json;

use super::*;
use crate::time::Note;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn read(value: Value) -> StoredTiming {
    serde_json::from_value(value).unwrap()
}

fn office() -> Calendar {
    let day = json!([{"open": "09:00", "close": "18:00"}]);
    let weekly = json!({"mon": day, "tue": day, "wed": day, "thu": day, "fri": day});
    serde_json::from_value(json!({"timezone": "Asia/Jakarta", "weekly": weekly})).unwrap()
}

fn in_office(outside: Outside) -> InCalendar {
    InCalendar { id: Uuid::from_u128(1), name: "office".into(), version: 1, outside, rules: office() }
}

fn kept(rules: Calendar) -> KeptCalendar {
    KeptCalendar { id: Uuid::from_u128(2), name: "closing days".into(), version: 3, rules }
}

fn wrong(timing: &StoredTiming) -> Vec<(String, String)> {
    timing.check().unwrap_err().into_iter().map(|error| (error.pointer, error.message)).collect()
}

#[test]
fn rows_written_before_calendars_still_read_and_are_written_as_they_were() {
    let cron = json!({"type": "cron", "expressions": ["0 9 * * *", "@daily"], "exclude": ["* 12 * * *"], "zone": "Europe/Berlin",
                      "dst_gap": "skip", "dst_overlap": "both"});
    assert_eq!(serde_json::to_value(read(cron.clone())).unwrap(), cron);
    let declared = json!({"type": "cron", "expressions": ["0 9 * * *"], "zone": "UTC", "dst_gap": "next_valid", "dst_overlap": "first"});
    assert_eq!(
        serde_json::to_value(StoredTiming::utc_cron("0 9 * * *")).unwrap(),
        declared,
        "no declared row is updated"
    );
    let short = read(json!({"type": "cron", "expressions": ["0 9 * * *"], "zone": "UTC"}));
    assert_eq!(short, StoredTiming::utc_cron("0 9 * * *"));
    let interval = read(json!({"type": "interval", "every_seconds": 90, "anchor": "2026-01-01T00:00:00Z"}));
    assert_eq!(interval, StoredTiming::interval(90, at("2026-01-01T00:00:00Z")));
    let once = read(json!({"type": "once", "at": "2026-01-01T00:00:00Z"}));
    assert_eq!(once, StoredTiming::once(at("2026-01-01T00:00:00Z")));
    assert_eq!(read(json!({"type": "none"})), StoredTiming::none());
}

#[test]
fn all_of_a_timing_survives_being_stored_and_unknown_fields_are_refused() {
    let timing = StoredTiming {
        exclude: vec!["* 12 * * *".to_owned()],
        calendar: Some(in_office(Outside::NextOpen)),
        exclude_calendar: Some(kept(office())),
        ..StoredTiming::cron(vec!["0 * * * *".to_owned()], "Asia/Jakarta")
            .with_dst(DstGap::Shift, DstOverlap::Last)
            .within(Some(at("2026-01-01T00:00:00Z")), Some(at("2027-01-01T00:00:00.5Z")))
    };
    let stored = serde_json::to_value(&timing).unwrap();
    assert_eq!((&stored["type"], &stored["calendar"]["outside"]), (&json!("cron"), &json!("next_open")));
    assert_eq!(read(stored.clone()), timing);
    for (pointer, unknown) in
        [("", "every"), ("/calendar", "every"), ("/calendar/rules", "every"), ("/exclude_calendar", "outside")]
    {
        let mut stored = stored.clone();
        stored.pointer_mut(pointer).unwrap()[unknown] = json!(1);
        let error = serde_json::from_value::<StoredTiming>(stored).unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{pointer}: {error}");
    }
    assert!(
        serde_json::from_value::<StoredTiming>(json!({"type": "once", "at": "2026-01-01T00:00:00Z", "every": 1}))
            .is_err()
    );
}

#[test]
fn a_timing_becomes_its_computation() {
    let timing = StoredTiming { calendar: Some(in_office(Outside::NextOpen)), ..StoredTiming::utc_cron("30 * * * *") };
    let spec = timing.check().unwrap();
    let run = spec.next_occurrence(at("2026-01-02T11:00:00Z")).unwrap();
    assert_eq!((run.at, run.note), (at("2026-01-05T02:00:00Z"), Some(Note::MovedToOpening)));
    assert_eq!(StoredTiming::none().check().unwrap().next_after(at("2026-01-02T11:00:00Z")), None);
    let phrase = "every weekday at 9am in asia/jakarta".parse().unwrap();
    assert_eq!(
        StoredTiming::phrase(phrase, "UTC"),
        StoredTiming::cron(vec!["0 9 * * MON-FRI".to_owned()], "Asia/Jakarta")
    );
    let bad = StoredTiming::utc_cron("61 * * * *").spec().unwrap_err();
    assert!(bad.starts_with("cron_expression has a wrong minute field"), "{bad}");
}

#[test]
fn everything_that_cannot_be_read_is_named_as_the_api_names_it() {
    let mut closed = office();
    closed.weekly = crate::time::Weekly::default();
    let timing = StoredTiming {
        exclude: vec!["* 12 * * *".to_owned(), "x".to_owned()],
        calendar: Some(InCalendar { rules: closed.clone(), ..in_office(Outside::Skip) }),
        exclude_calendar: Some(kept(closed)),
        ..StoredTiming::cron(vec!["0 9 * * *".to_owned(), "61 * * * *".to_owned()], "Europe/Berln")
            .within(Some(at("2026-01-02T00:00:00Z")), Some(at("2026-01-01T00:00:00Z")))
    };
    let found = wrong(&timing);
    let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    let expected = ["/cron_expressions/1", "/exclude/1", "/timezone", "/calendar", "/exclude_calendar", "/end_at"];
    assert_eq!(pointers, expected);
    let one = |timing: StoredTiming| wrong(&timing).remove(0).0;
    assert_eq!(one(StoredTiming::utc_cron("0 0 30 2 *")), "/cron_expression");
    assert_eq!(one(StoredTiming::cron(Vec::new(), "UTC")), "/cron_expression");
    assert_eq!(one(StoredTiming::cron(vec!["* * * * *".to_owned(); 21], "UTC")), "/cron_expressions");
    assert_eq!(one(StoredTiming::interval(0, at("2026-01-01T00:00:00Z"))), "/interval_seconds");
    let many = StoredTiming { exclude: vec!["* * * * *".to_owned(); 21], ..StoredTiming::none() };
    assert_eq!(one(many), "/exclude");
}

#[test]
fn what_never_runs_is_laid_at_the_door_of_a_field() {
    let one = |timing: StoredTiming| {
        let mut found = wrong(&timing);
        assert_eq!(found.len(), 1);
        found.remove(0).0
    };
    let daily = || StoredTiming::cron(vec!["0 8 * * *".to_owned()], "Asia/Jakarta");
    assert_eq!(one(StoredTiming { calendar: Some(in_office(Outside::Skip)), ..daily() }), "/calendar");
    assert_eq!(one(StoredTiming { exclude: vec!["* 8 * * *".to_owned()], ..daily() }), "/exclude");
    let all_day = json!([{"open": "00:00", "close": "24:00"}]);
    let week = json!({"mon": all_day, "tue": all_day, "wed": all_day, "thu": all_day, "fri": all_day, "sat": all_day, "sun": all_day});
    let always: Calendar = serde_json::from_value(json!({"timezone": "UTC", "weekly": week})).unwrap();
    assert_eq!(one(StoredTiming { exclude_calendar: Some(kept(always)), ..daily() }), "/exclude_calendar");
    let (first, second) = (at("2026-01-01T02:00:00Z"), at("2026-01-01T03:00:00Z"));
    assert_eq!(one(daily().within(Some(first), Some(second))), "/end_at");
    assert_eq!(one(StoredTiming::utc_cron("0 0 0 1 1 * 2020").within(Some(first), None)), "/start_at");
    assert_eq!(one(StoredTiming::once(first).within(Some(second), None)), "/run_at");
    assert_eq!(one(StoredTiming::once(at("2300-01-01T00:00:00Z"))), "/run_at");
    assert_eq!(one(StoredTiming::interval(60, at("2300-01-01T00:00:00Z"))), "/anchor");
    // A local time that its zone never shows: the only year skips the day.
    let skipped = StoredTiming::cron(vec!["0 0 12 30 12 * 2011".to_owned()], "Pacific/Apia")
        .with_dst(DstGap::Skip, DstOverlap::First);
    assert_eq!(one(skipped), "/cron_expression");
    // What is over is not wrong.
    for over in [
        StoredTiming::utc_cron("0 0 0 1 1 * 2020"),
        StoredTiming::once(at("2020-01-01T00:00:00Z")),
        daily().within(None, Some(at("2020-01-01T00:00:00Z"))),
    ] {
        assert_eq!(over.check().unwrap().next_after(first), None);
    }
}
