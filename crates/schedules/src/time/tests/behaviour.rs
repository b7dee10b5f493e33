//! Single behaviours of specs: notes for previews, unions, exclusions, intervals, single runs, bounds.

use chrono::TimeDelta;

use super::{
    super::{Every, Note, Occurrence},
    *,
};

fn runs(spec: &Spec, after: &str, count: usize) -> Vec<Occurrence> {
    spec.occurrences(at(after)).take(count).collect()
}

fn notes(spec: &Spec, after: &str, count: usize) -> Vec<Option<Note>> {
    runs(spec, after, count).iter().map(|run| run.note).collect()
}

#[test]
fn several_fixed_times_in_one_gap_give_one_run() {
    let spec = spec("0,15,30,45 2 * * *", "Europe/Berlin");
    let expected = ["2024-03-31T01:00:00Z", "2024-04-01T00:00:00Z"];
    assert_eq!(next(&spec, "2024-03-30T12:00:00Z", 2), expected);
    let with_three = super::spec("30 2,3 * * *", "Europe/Berlin");
    assert_eq!(next(&with_three, "2024-03-30T12:00:00Z", 2), ["2024-03-31T01:00:00Z", "2024-03-31T01:30:00Z"]);
    // 03:00 exists, and 02:00 falls upon it.
    let upon = super::spec("0 2,3 * * *", "Europe/Berlin");
    assert_eq!(next(&upon, "2024-03-30T12:00:00Z", 2), ["2024-03-31T01:00:00Z", "2024-04-01T00:00:00Z"]);
    assert_eq!(notes(&upon, "2024-03-30T12:00:00Z", 1), [None]);
}

#[test]
fn a_preview_can_tell_what_the_clock_did() {
    let daily = spec("30 2 * * *", "Europe/Berlin");
    assert_eq!(notes(&daily, "2024-03-30T12:00:00Z", 2), [Some(Note::Moved), None]);
    assert_eq!(runs(&daily, "2024-03-30T12:00:00Z", 1)[0].local.to_string(), "2024-03-31 02:30:00");
    assert_eq!(notes(&daily, "2024-10-26T12:00:00Z", 2), [Some(Note::OnePass), None]);
    let hourly = spec("0 * * * *", "Europe/Berlin");
    let two = at("2024-03-31T02:00:00Z").naive_utc();
    assert_eq!(notes(&hourly, "2024-03-31T00:00:00Z", 2), [Some(Note::AfterDropped(two)), None]);
    assert_eq!(notes(&hourly, "2024-10-26T23:00:00Z", 3), [None, Some(Note::SecondPass), None]);
    let skipping = with_policy(cron("30 2 * * *"), zone("Europe/Berlin"), (DstGap::Skip, DstOverlap::Both));
    let lost = at("2024-03-31T02:30:00Z").naive_utc();
    assert_eq!(notes(&skipping, "2024-03-30T12:00:00Z", 1), [Some(Note::AfterDropped(lost))]);
    assert_eq!(notes(&skipping, "2024-10-26T12:00:00Z", 3), [None, Some(Note::SecondPass), None]);
}

#[test]
fn shifted_runs_and_regular_ones_come_in_order() {
    let shifting = |expr: &str, name: &str| with_policy(cron(expr), zone(name), (DstGap::Shift, DstOverlap::First));
    // The clock jumps from 02:00 to 02:30: 02:20 becomes 02:50, after the regular 02:40.
    let lord_howe = shifting("20,40 2 * * *", "Australia/Lord_Howe");
    assert_eq!(next(&lord_howe, "2017-09-30T15:00:00Z", 2), ["2017-09-30T15:40:00Z", "2017-09-30T15:50:00Z"]);
    assert_eq!(notes(&lord_howe, "2017-09-30T15:00:00Z", 2), [None, Some(Note::Moved)]);
    // From 01:00 to 03:00, begun long after the jump.
    let troll = shifting("0,30 2 * * *", "Antarctica/Troll");
    assert_eq!(next(&troll, "2026-03-29T02:05:00Z", 2), ["2026-03-29T02:30:00Z", "2026-03-30T00:00:00Z"]);
    // A whole day.
    let apia = shifting("0 9 * * *", "Pacific/Apia");
    let expected = ["2011-12-30T19:00:00Z", "2011-12-31T19:00:00Z"];
    assert_eq!(next(&apia, "2011-12-29T19:00:00Z", 2), expected);
}

#[test]
fn a_time_that_never_exists_is_skipped_year_by_year() {
    let last_sunday = cron("30 2 * 3 SUNL");
    let skipping = with_policy(last_sunday, zone("Europe/Berlin"), (DstGap::Skip, DstOverlap::First));
    let run = skipping.next_occurrence(at("2024-01-01T00:00:00Z")).unwrap();
    // Zone rules are known up to 2099.
    assert_eq!(run.at, at("2100-03-28T01:30:00Z"));
    assert_eq!(run.note, Some(Note::AfterDropped(at("2024-03-31T02:30:00Z").naive_utc())));
}

#[test]
fn the_last_pass_can_be_chosen() {
    let last = with_policy(cron("30 2 * * *"), zone("Europe/Berlin"), (DstGap::NextValid, DstOverlap::Last));
    assert_eq!(next(&last, "2024-10-26T12:00:00Z", 2), ["2024-10-27T01:30:00Z", "2024-10-28T01:30:00Z"]);
    assert_eq!(next(&last, "2024-10-27T00:45:00Z", 1), ["2024-10-27T01:30:00Z"]);
}

#[test]
fn a_union_runs_once_where_its_parts_coincide() {
    let mut spec = spec("0 9 * * *", "UTC");
    let Timing::Cron { exprs, .. } = &mut spec.timing else { unreachable!() };
    exprs.push(cron("0 */9 * * *"));
    let expected = ["2025-01-01T09:00:00Z", "2025-01-01T18:00:00Z", "2025-01-02T00:00:00Z"];
    assert_eq!(next(&spec, "2025-01-01T00:00:00Z", 3), expected);
    // A regular run explains an instant better than one that was moved there.
    let mut spec = super::spec("30 2 * * *", "Europe/Berlin");
    let Timing::Cron { exprs, .. } = &mut spec.timing else { unreachable!() };
    exprs.push(cron("0 3 * * *"));
    assert_eq!(next(&spec, "2024-03-30T12:00:00Z", 2), ["2024-03-31T01:00:00Z", "2024-04-01T00:30:00Z"]);
    assert_eq!(notes(&spec, "2024-03-30T12:00:00Z", 1), [None]);
}

#[test]
fn an_exclusion_leaves_out_whole_minutes_hours_and_days() {
    let mut spec = spec("*/20 * * * * *", "Europe/Berlin");
    spec.exclude = vec![cron("30 * * * *")];
    let expected = ["2025-01-01T00:29:40Z", "2025-01-01T00:31:00Z"];
    assert_eq!(next(&spec, "2025-01-01T00:29:20Z", 2), expected);
    spec.exclude = vec![cron("* 9-16 * * *"), cron("* * * 2 *")];
    assert_eq!(next(&spec, "2025-01-01T07:59:59Z", 1), ["2025-01-01T16:00:00Z"]);
    assert_eq!(next(&spec, "2025-01-31T22:59:45Z", 1), ["2025-02-28T23:00:00Z"]);
    // Over the changes of the clock: the excluded hour is the one that the clock shows.
    spec.exclude = vec![cron("* 0-2 * * *")];
    assert_eq!(next(&spec, "2024-03-30T22:59:45Z", 1), ["2024-03-31T01:00:00Z"]);
    assert_eq!(next(&spec, "2024-10-26T21:59:45Z", 1), ["2024-10-27T02:00:00Z"]);
    spec.exclude = vec![cron("*/20 * * * * *")];
    assert_eq!(spec.next_after(at("2025-01-01T00:00:00Z")), None, "everything is left out, and the search ends");
}

#[test]
fn an_exclusion_ends_with_the_day_that_the_clock_shows() {
    let mut hourly = spec("0 * * * *", "Europe/Berlin");
    hourly.exclude = vec![cron("* * 31 3 *"), cron("* * 27 10 *")];
    assert_eq!(next(&hourly, "2024-03-30T22:59:59Z", 1), ["2024-03-31T22:00:00Z"]);
    assert_eq!(next(&hourly, "2024-10-26T21:59:59Z", 1), ["2024-10-27T23:00:00Z"]);
    // The clock changes an hour before the day's end: no run of the day is tried one by one.
    let mut busy = spec("* * * * * *", "America/Scoresbysund");
    busy.exclude = vec![cron("* * 29 3 *")];
    assert_eq!(next(&busy, "2025-03-29T01:59:59Z", 1), ["2025-03-30T01:00:00Z"]);
}

#[test]
fn an_interval_counts_from_its_anchor() {
    let every = Every::try_from(90).unwrap();
    let spec = Spec::new(Timing::Interval { every, anchor: at("2025-01-01T00:00:30.500Z") }, zone("Europe/Berlin"));
    assert_eq!(spec.next_after(at("2024-06-01T00:00:00Z")), Some(at("2025-01-01T00:00:30.500Z")));
    assert_eq!(spec.next_after(at("2025-01-01T00:00:30.500Z")), Some(at("2025-01-01T00:02:00.500Z")));
    assert_eq!(spec.next_after(at("2025-01-01T00:02:00.499Z")), Some(at("2025-01-01T00:02:00.500Z")));
    let run = spec.next_occurrence(at("2025-03-30T00:59:59Z")).unwrap();
    assert_eq!((run.local - run.at.naive_utc(), run.note), (TimeDelta::hours(2), None));
    assert_eq!(spec.next_after(at("+262000-01-01T00:00:00Z")), None);
}

#[test]
fn a_single_run_happens_once() {
    let when = at("2025-06-01T12:00:00.250Z");
    let spec = Spec::new(Timing::Once { at: when }, Zone::UTC);
    assert_eq!(spec.next_after(at("2025-06-01T12:00:00Z")), Some(when));
    assert_eq!(spec.next_after(when), None);
}

#[test]
fn runs_of_a_span_exclude_its_beginning_and_include_its_end() {
    let hourly = spec("0 * * * *", "UTC");
    let (from, to) = (at("2025-01-01T00:00:00Z"), at("2025-01-01T05:00:00Z"));
    let found: Vec<_> = hourly.occurrences_between(from, to, 100).iter().map(|run| run.at).collect();
    assert_eq!((found.len(), found[0], found[4]), (5, at("2025-01-01T01:00:00Z"), to));
    assert_eq!(hourly.occurrences_between(from, to, 2).len(), 2);
    assert_eq!(hourly.occurrences_between(to, from, 2).len(), 0);
    assert_eq!(hourly.last_between(from, to).map(|run| run.at), Some(to));
    assert_eq!(hourly.last_between(to, from), None);
    let busy = spec("* * * * * *", "UTC");
    assert_eq!(busy.last_between(at("1990-01-01T00:00:00Z"), to).map(|run| run.at), Some(to));
}

#[test]
fn instants_far_outside_the_searched_years_are_answered() {
    let daily = spec("0 12 * * *", "Pacific/Apia");
    assert_eq!(next(&daily, "-9999-01-01T00:00:00Z", 1), ["1970-01-01T23:00:00Z"]);
    assert_eq!(daily.next_after(at("2200-01-02T00:00:00Z")), None);
    assert_eq!(daily.next_after(DateTime::<Utc>::MAX_UTC), None);
    assert!(daily.next_after(DateTime::<Utc>::MIN_UTC).is_some());
    let sub_second = spec("* * * * * *", "UTC");
    assert_eq!(sub_second.next_after(at("2025-01-01T00:00:00.999999Z")), Some(at("2025-01-01T00:00:01Z")));
}

#[test]
fn a_midnight_that_does_not_exist_runs_at_the_day_s_first_instant() {
    for (name, after, expected) in [
        ("America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"),
        ("Africa/Cairo", "2023-04-27T12:00:00Z", "2023-04-27T22:00:00Z"),
        ("Asia/Beirut", "2024-03-30T12:00:00Z", "2024-03-30T22:00:00Z"),
        ("Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-30T10:00:00Z"),
    ] {
        assert_eq!(next(&spec("0 0 * * *", name), after, 1), [expected], "{name}");
    }
}
