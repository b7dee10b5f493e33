//! Properties over random expressions, zones and instants.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::TZ_VARIANTS;
use croner::parser::{CronParser, Seconds, Year};
use proptest::{prelude::*, sample::select, test_runner::Config};

use super::{
    oracle::{Oracle, changes, local},
    *,
};

/// Zones with half-hour shifts, gaps at midnight, skipped days, negative and two-hour DST, beside the usual ones.
pub const ODD_ZONES: [&str; 16] = [
    "Europe/Berlin",
    "America/New_York",
    "Europe/London",
    "Europe/Dublin",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Amman",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "America/St_Johns",
    "America/Scoresbysund",
    "America/Havana",
];

fn zones() -> impl Strategy<Value = Zone> {
    prop_oneof![
        3 => select(&ODD_ZONES[..]).prop_map(zone),
        1 => (0..TZ_VARIANTS.len()).prop_map(|i| zone(TZ_VARIANTS[i].name())),
    ]
}

/// An instant, as often as not within a few hours of a change of the clock.
pub fn zoned_instants() -> BoxedStrategy<(Zone, DateTime<Utc>)> {
    let day = |year: i32, day: i64, second: i64| {
        Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap() + TimeDelta::seconds(day * 86_400 + second)
    };
    (zones(), 1971..2099_i32, 0..365_i64, 0..86_400_i64, any::<bool>(), any::<prop::sample::Index>())
        .prop_map(move |(zone, year, of_year, second, near, index)| {
            let changes = if near { changes(zone, year) } else { Vec::new() };
            let at = if changes.is_empty() {
                day(year, of_year, second)
            } else {
                *index.get(&changes) + TimeDelta::seconds(second % 14_400 - 9_000)
            };
            (zone, at)
        })
        .boxed()
}

fn field(min: u32, max: u32) -> BoxedStrategy<String> {
    let number = min..=max;
    let step = prop_oneof![Just(2), Just(5), Just(7), Just(15), Just(20), Just(30)].prop_map(move |n| n.min(max - min));
    let span = (number.clone(), number.clone()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    prop_oneof![
        4 => Just("*".to_owned()),
        6 => number.clone().prop_map(|n| n.to_string()),
        2 => prop::collection::vec(number.clone(), 2..4).prop_map(|list| list.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
        1 => span.clone().prop_map(|(a, b)| format!("{a}-{b}")),
        1 => step.clone().prop_map(|step| format!("*/{step}")),
        1 => (number, step.clone()).prop_map(|(from, step)| format!("{from}/{step}")),
        1 => (span, step).prop_map(|((a, b), step)| format!("{a}-{b}/{step}")),
    ]
    .boxed()
}

fn day_of_month() -> BoxedStrategy<String> {
    prop_oneof![
        6 => Just("*".to_owned()),
        4 => field(1, 31),
        1 => Just("L".to_owned()),
        1 => Just("LW".to_owned()),
        1 => (1..=31_u32).prop_map(|day| format!("{day}W")),
        1 => (1..=31_u32).prop_map(|day| format!("{day}W,L")),
    ]
    .boxed()
}

fn day_of_week() -> BoxedStrategy<String> {
    prop_oneof![
        6 => Just("*".to_owned()),
        3 => field(0, 7),
        1 => (0..=7_u32, 1..=5_u32).prop_map(|(day, nth)| format!("{day}#{nth}")),
        1 => (0..=7_u32).prop_map(|day| format!("{day}L")),
        1 => (1..=28_u32).prop_map(|n| format!("+{}", n % 8)),
    ]
    .boxed()
}

/// Expressions that croner reads as we do, and that can match.
fn expressions() -> BoxedStrategy<String> {
    let seconds = prop_oneof![3 => Just("0".to_owned()), 1 => field(0, 59)];
    let hours = prop_oneof![1 => field(0, 23), 1 => field(0, 4)];
    let months = prop_oneof![3 => Just("*".to_owned()), 1 => field(1, 12)];
    (seconds, field(0, 59), hours, day_of_month(), months, day_of_week())
        .prop_map(|(s, m, h, dom, mon, dow)| format!("{s} {m} {h} {dom} {mon} {dow}"))
        .prop_filter("it can match", |expr| Cron::parse(expr).is_ok())
        .boxed()
}

pub fn policies() -> impl Strategy<Value = (DstGap, DstOverlap)> {
    let gaps = select(vec![DstGap::NextValid, DstGap::NextValid, DstGap::Skip, DstGap::Shift]);
    (gaps, select(vec![DstOverlap::First, DstOverlap::First, DstOverlap::Last, DstOverlap::Both]))
}

fn croner(expr: &str) -> croner::Cron {
    CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Disallowed)
        .sloppy_ranges(true)
        .build()
        .parse(expr)
        .unwrap()
}

/// Few enough for seconds, unoptimised; each holds for tens of thousands.
const CASES: u32 = 150;

proptest! {
    #![proptest_config(Config { cases: Config::default().cases * CASES / 256, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_search_in_local_time_agrees_with_croner(expr in expressions(), seconds in 0..4_000_000_000_i64) {
        let from = DateTime::from_timestamp(seconds, 0).unwrap().naive_utc();
        // croner finds nothing beyond its own bounds for a few expressions that match once in decades.
        if let Ok(expected) = croner(&expr).find_next_occurrence(&from, true) {
            prop_assert_eq!(cron(&expr).at_or_after(from), Some(expected), "{} from {}", expr, from);
            prop_assert!(cron(&expr).matches(expected));
        }
    }

    #[test]
    fn between_an_instant_and_its_next_run_nothing_matches(
        expr in expressions(), (zone, after) in zoned_instants(), policy in policies(),
    ) {
        let cron = cron(&expr);
        let oracle = Oracle { pattern: croner(&expr).pattern, wildcard: cron.is_wildcard(), zone, policy };
        let spec = with_policy(cron, zone, policy);
        let window = TimeDelta::minutes(100);
        let next = spec.next_after(after);
        prop_assert!(next.is_none_or(|next| next > after));
        if let Some(next) = next {
            prop_assert!(oracle.runs_at(next), "{} {} after {}: {} does not match", expr, zone, after, next);
        }
        let mut at = after + TimeDelta::seconds(1);
        while at <= after + window && next.is_none_or(|next| at < next) {
            prop_assert!(!oracle.runs_at(at), "{} {} after {}: {} was passed over for {:?}", expr, zone, after, at, next);
            at += TimeDelta::seconds(1);
        }
    }

    #[test]
    fn a_later_start_never_gives_an_earlier_run(
        expr in expressions(), (zone, after) in zoned_instants(), policy in policies(), later in 0..200_000_i64,
    ) {
        let spec = with_policy(cron(&expr), zone, policy);
        let (next, then) = (spec.next_after(after), spec.next_after(after + TimeDelta::seconds(later)));
        prop_assert!(then.is_none() || next <= then, "{} {} after {}: {:?} {:?}", expr, zone, after, next, then);
        // Any start before the run gives the same run.
        if let Some(next) = next {
            prop_assert_eq!(spec.next_after(next - TimeDelta::nanoseconds(1)), Some(next));
        }
    }

    #[test]
    fn the_last_run_of_a_span_is_the_one_that_counting_finds(
        expr in expressions(), (zone, after) in zoned_instants(), policy in policies(), span in 1..40_000_i64,
    ) {
        let spec = with_policy(cron(&expr), zone, policy);
        let to = after + TimeDelta::seconds(span);
        prop_assert_eq!(spec.last_between(after, to).map(|run| run.at), spec.occurrences_between(after, to, 50_000).last().map(|run| run.at));
    }

    #[test]
    fn an_hourly_run_is_never_lost(minute in 0..60_u32, (zone, after) in zoned_instants()) {
        // However the clock is set, no two runs lie further apart than an hour and the jump's length.
        let spec = Spec::cron(cron(&format!("{minute} * * * *")), zone);
        let runs: Vec<_> = std::iter::once(after).chain(spec.occurrences(after).take(30).map(|run| run.at)).collect();
        for pair in runs.windows(2).skip(1) {
            let shown = local(zone, pair[1]) - local(zone, pair[0]);
            let passed = pair[1] - pair[0];
            prop_assert!(passed <= TimeDelta::minutes(90), "{} {}: {:?}", minute, zone, pair);
            prop_assert!(shown <= TimeDelta::hours(1) || shown > passed, "{} {}: {:?}", minute, zone, pair);
        }
    }

    #[test]
    fn reading_the_canonical_text_again_gives_the_same(expr in expressions()) {
        let once = cron(&expr);
        let again = cron(once.as_str());
        prop_assert_eq!(&once, &again);
        let from = DateTime::UNIX_EPOCH.naive_utc();
        prop_assert_eq!(once.at_or_after(from), again.at_or_after(from));
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(
        text in prop_oneof!["[-0-9*/,#LW?+@A-Za-z ]{0,40}", "[-0-9*/,#LW?]{1,6}( [-0-9*/,#LW?]{1,6}){4,6}", "\\PC{0,300}"],
    ) {
        let began = std::time::Instant::now();
        match Cron::parse(&text) {
            Ok(cron) => prop_assert!(cron.at_or_after(DateTime::UNIX_EPOCH.naive_utc()).is_some()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        prop_assert!(began.elapsed().as_secs() < 2, "{:?} took {:?}", text, began.elapsed());
    }
}

/// A fixed daily time runs once for every day that the local calendar has, in every zone.
fn once_a_day(zone: Zone, year: i32, (hour, minute): (u32, u32)) {
    let expr = format!("{minute} {hour} * * *");
    let begin = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap();
    let runs: Vec<_> = Spec::cron(cron(&expr), zone).occurrences(begin).take(368).collect();
    assert!(runs.windows(2).all(|pair| pair[0].at < pair[1].at && pair[0].local < pair[1].local));
    let exists = |day: NaiveDate| {
        (0..96).any(|quarter| {
            let noon = day.and_hms_opt(12, 0, 0).unwrap().and_utc();
            (-1..=1).any(|turn| local(zone, noon + TimeDelta::minutes(15 * quarter - 720 + turn * 1440)).date() == day)
        })
    };
    let mut day = runs[0].local.date();
    for run in &runs {
        while day < run.local.date() {
            assert!(!exists(day), "{expr} {zone}: {day} has no run");
            day = day + Days::new(1);
        }
        assert_eq!(day, run.local.date(), "{expr} {zone}: {day} has two runs");
        day = day + Days::new(1);
    }
}

#[test]
fn a_fixed_time_runs_once_on_every_day_of_every_zone() {
    for (i, tz) in TZ_VARIANTS.iter().enumerate() {
        let i = u32::try_from(i).unwrap();
        // A year and a time of the night that differ from zone to zone.
        once_a_day(zone(tz.name()), 1970 + (i as i32 * 7) % 130, (i % 4, (i * 7) % 60));
    }
    for name in ODD_ZONES {
        for (year, time) in [(2011, (0, 0)), (2018, (0, 30)), (2024, (2, 30)), (2026, (23, 59))] {
            once_a_day(zone(name), year, time);
        }
    }
}

#[test]
fn changes_of_the_clock_are_found_for_the_properties() {
    assert_eq!(changes(zone("Pacific/Apia"), 2011).len(), 3);
    assert_eq!(changes(zone("Europe/Berlin"), 2024), [at("2024-03-31T01:00:00Z"), at("2024-10-27T01:00:00Z")]);
    assert!(changes(Zone::UTC, 2024).iter().all(|at| at.year() != 2024));
}
