//! Runs and due times of whole schedules against a naive count: every due time alone, minute by minute to the opening.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{TimeDelta, Timelike};
use proptest::{prelude::*, sample::select, test_runner::Config};

use super::{
    super::{Becomes, Calendar, Every, Outside, Within},
    calendars::{calendars, shows_open},
    oracle::local,
    properties::{policies, zoned_instants},
    *,
};

const EXPRESSIONS: [&str; 8] = [
    "*/15 * * * *",
    "0 * * * *",
    "30 2 * * *",
    "0,20,40 1-3 * * *",
    "0 9 * * *",
    "7 */5 * * MON-FRI",
    "0 0 * * SUN",
    "59 59 23 * * *",
];
const EXCLUSIONS: [&str; 6] = ["* 2 * * *", "30 * * * *", "* * * * SAT", "* 0-11 * * *", "0 0 * * * *", "* * 1-7 * *"];

/// A schedule, the rules of its calendars, and an instant near which things happen.
#[derive(Clone, Debug)]
struct Case {
    spec: Spec,
    calendar: Option<Calendar>,
    exclude_calendar: Option<Calendar>,
    at: DateTime<Utc>,
}

fn timings(at: DateTime<Utc>) -> BoxedStrategy<Timing> {
    let cron =
        (prop::collection::vec(select(&EXPRESSIONS[..]), 1..3), policies()).prop_map(|(exprs, (gap, overlap))| {
            Timing::Cron { exprs: exprs.into_iter().map(cron).collect(), gap, overlap }
        });
    let interval = (select(vec![600_u32, 5400, 86_400]), 0..600_i64).prop_map(move |(every, milli_days)| {
        let anchor = at - TimeDelta::milliseconds(milli_days * 86_437);
        Timing::Interval { every: Every::try_from(every).unwrap(), anchor }
    });
    let once = (-48..48_i64).prop_map(move |hours| Timing::Once { at: at + TimeDelta::hours(hours) });
    prop_oneof![8 => cron, 2 => interval, 1 => once].boxed()
}

fn cases() -> impl Strategy<Value = Case> {
    zoned_instants().prop_flat_map(|(zone, at)| {
        let edge = move || {
            let hours = (-100..100_i64).prop_map(move |hours| Some(at + TimeDelta::hours(hours)));
            prop_oneof![3 => Just(None), 1 => hours]
        };
        let calendar = move || prop::option::weighted(0.8, calendars(at));
        let outside = select(vec![Outside::Skip, Outside::NextOpen, Outside::NextOpen]);
        let exclude = prop::collection::vec(select(&EXCLUSIONS[..]), 0..3);
        let excluded = prop::option::weighted(0.3, calendars(at));
        (timings(at), (edge(), edge()), (calendar(), outside), exclude, excluded).prop_map(
            move |(timing, (start_at, end_at), (calendar, outside), exclude, exclude_calendar)| {
                let hours = |rules: &Calendar| Arc::new(rules.open_hours().unwrap());
                let within = calendar.as_ref().map(|rules| Within { hours: hours(rules), outside });
                let spec = Spec {
                    start_at,
                    end_at,
                    calendar: within,
                    exclude: exclude.into_iter().map(cron).collect(),
                    exclude_calendar: exclude_calendar.as_ref().map(hours),
                    ..Spec::new(timing, zone)
                };
                Case { spec, calendar, exclude_calendar, at }
            },
        )
    })
}

impl Case {
    fn excluded(&self, at: DateTime<Utc>) -> bool {
        let shown = local(self.spec.zone, at);
        let minute = shown.with_second(0).unwrap();
        let of_minute = |cron: &Cron| {
            let by_the_second = cron.as_str().split(' ').count() > 5;
            if by_the_second { cron.matches(shown) } else { cron.matches(minute) }
        };
        self.spec.exclude.iter().any(of_minute)
            || self.exclude_calendar.as_ref().is_some_and(|rules| shows_open(rules, local(zone(&rules.timezone), at)))
    }

    fn open(&self, at: DateTime<Utc>) -> bool {
        self.calendar.as_ref().is_none_or(|rules| shows_open(rules, local(zone(&rules.timezone), at)))
    }

    /// Where a due time runs; nothing if it does not.
    fn run(&self, due: DateTime<Utc>, openings: &Openings) -> Option<DateTime<Utc>> {
        if self.excluded(due) {
            return None;
        }
        if self.open(due) {
            return Some(due);
        }
        let waits = self.spec.calendar.as_ref().is_some_and(|within| within.outside == Outside::NextOpen);
        let opens = openings.get(&(due.timestamp().div_euclid(60) + 1)).copied().filter(|_| waits)?;
        (self.spec.end_at.is_none_or(|end| opens <= end) && !self.excluded(opens)).then_some(opens)
    }

    /// The next opening from each minute on, by looking at every minute from the last to the first.
    fn openings(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Openings {
        let Some(rules) = &self.calendar else { return Openings::new() };
        let zone = zone(&rules.timezone);
        // The ranges begin and end at quarters of an hour.
        let mut quarters = HashMap::new();
        let (mut next, mut openings) = (None, Openings::new());
        for minute in (from.timestamp() / 60..=to.timestamp() / 60).rev() {
            let at = DateTime::from_timestamp(minute * 60, 0).unwrap();
            let shown = local(zone, at);
            let quarter = (shown.date(), shown.hour(), shown.minute() / 15);
            if *quarters.entry(quarter).or_insert_with(|| shows_open(rules, shown)) {
                next = Some(at);
            }
            openings.extend(next.map(|next| (minute, next)));
        }
        openings
    }
}

type Openings = HashMap<i64, DateTime<Utc>>;

proptest! {
    #![proptest_config(Config { cases: Config::default().cases * 30 / 256, failure_persistence: None, ..Config::default() })]

    #[test]
    fn runs_and_due_times_are_those_that_counting_finds(case in cases(), probes in prop::collection::vec(0..432_000_i64, 8)) {
        let Case { spec, at, .. } = &case;
        // What waits for an opening may have been due long before.
        let (long_ago, horizon) = (*at - TimeDelta::days(25), *at + TimeDelta::days(5));
        let plain = Spec::new(spec.timing.clone(), spec.zone);
        let due = |at: &DateTime<Utc>| spec.start_at.is_none_or(|start| *at >= start) && spec.end_at.is_none_or(|end| *at <= end);
        let dues: Vec<_> = plain.occurrences(long_ago).map(|run| run.at).take_while(|at| *at <= horizon).filter(due).collect();
        let openings = case.openings(long_ago, horizon);
        let runs: BTreeSet<_> = dues.iter().filter_map(|due| case.run(*due, &openings)).collect();

        let expected: Vec<_> = runs.iter().copied().filter(|run| run > at).collect();
        let found: Vec<_> = spec.occurrences(*at).map(|run| run.at).take_while(|run| *run <= horizon).collect();
        prop_assert_eq!(&found, &expected);
        for probe in probes.iter().map(|seconds| *at + TimeDelta::seconds(*seconds)) {
            let first = expected.iter().copied().find(|run| *run > probe);
            prop_assert_eq!(spec.next_after(probe).filter(|run| *run <= horizon), first, "after {}", probe);
            let last = expected.iter().copied().rfind(|run| *run <= probe);
            prop_assert_eq!(spec.last_between(*at, probe).map(|run| run.at), last);
        }

        let listed: Vec<_> = spec.dues(long_ago).take_while(|due| due.at <= horizon).collect();
        prop_assert_eq!(listed.iter().map(|due| due.at).collect::<Vec<_>>(), dues);
        let mut made = BTreeSet::new();
        for due in &listed {
            let run = case.run(due.at, &openings);
            match due.becomes {
                Becomes::Runs { at, .. } => {
                    prop_assert!(run == Some(at) || at > horizon, "{:?} runs {:?}", due, run);
                    prop_assert!(made.insert(at), "two due times claim {}", at);
                }
                Becomes::Merged { into } => prop_assert!(run == Some(into) || into > horizon, "{:?} runs {:?}", due, run),
                Becomes::Closed => prop_assert!(run.is_none() && !case.open(due.at) && !case.excluded(due.at), "{:?}", due),
                Becomes::Excluded => prop_assert!(run.is_none()),
            }
        }
        made.retain(|at| *at <= horizon);
        prop_assert_eq!(made, runs);
    }
}
