//! What becomes of the due times of one schedule: a pure rule.

use crate::time::Spec;
use chrono::{DateTime, TimeDelta, Utc};

/// What to do about due times that passed while nothing could run them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// Run the last one; the others are recorded as one missed range.
    Latest,
    /// Run each, the last hundred at most; where the overlap rule admits no second run, one after the other.
    All,
    /// Run none; all of them are missed.
    None,
}

impl CatchUp {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "all" => Self::All,
            "none" => Self::None,
            _ => Self::Latest,
        }
    }
}

/// The most occurrences that catching up runs.
const MOST_CAUGHT_UP: usize = 100;
/// A range is counted up to this; beyond, it says "more than".
const MOST_COUNTED: usize = 10_000;
/// A due time is on time when the tick sees it within this: a few ticks.
const ON_TIME: TimeDelta = TimeDelta::seconds(5);

/// What becomes of a due time, or of a range of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It runs. `late`: by how much, when it was caught up.
    Run { at: DateTime<Utc>, late: Option<TimeDelta> },
    /// It does not; `from` stands for all `count` of them up to `to`.
    Missed { from: DateTime<Utc>, to: DateTime<Utc>, count: u64, reason: Why },
}

impl Fate {
    /// The first due time that it is about.
    pub fn first(&self) -> DateTime<Utc> {
        match self {
            Self::Run { at, .. } => *at,
            Self::Missed { from, .. } => *from,
        }
    }

    /// The last due time that it is about.
    pub fn last(&self) -> DateTime<Utc> {
        match self {
            Self::Run { at, .. } => *at,
            Self::Missed { to, .. } => *to,
        }
    }
}

/// Why a due time was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// No worker ran; the run of this time stands for it.
    StoodFor(DateTime<Utc>),
    /// No worker ran, and the schedule does not catch up.
    NoCatchUp,
    /// No worker ran until this grace was over.
    TooLate(TimeDelta),
}

impl Why {
    /// For metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::StoodFor(_) => "collapsed",
            Self::NoCatchUp => "no_catch_up",
            Self::TooLate(_) => "too_late",
        }
    }

    /// For people, about `count` due times.
    pub fn text(self, from: DateTime<Utc>, to: DateTime<Utc>, count: u64) -> String {
        let why = match self {
            Self::StoodFor(at) => format!("no worker ran at its time; the run of {at} stands for it"),
            Self::NoCatchUp => "no worker ran at its time, and this schedule does not catch up".to_owned(),
            Self::TooLate(grace) => {
                format!("no worker ran at its time; found later than its grace of {} s", grace.num_seconds())
            }
        };
        match count {
            1 => why,
            _ if count > MOST_COUNTED as u64 => {
                format!("{why}; more than {MOST_COUNTED} due times from {from} to {to}")
            }
            _ => format!("{why}; {count} due times from {from} to {to}"),
        }
    }
}

/// Decides over every due time from `first` up to `now`. No due time is left without a fate.
pub(crate) fn decide(
    spec: &Spec,
    first: DateTime<Utc>,
    now: DateTime<Utc>,
    (catch_up, grace): (CatchUp, Option<TimeDelta>),
) -> Vec<Fate> {
    let last = spec.last_between(first, now).map_or(first, |run| run.at);
    let too_late = |at: DateTime<Utc>| grace.is_some_and(|grace| now - at > grace.max(ON_TIME));
    // A tick that is a few seconds late is not a downtime: what is still on time runs, whatever the policy.
    let on_time = || if now - first <= ON_TIME { Some(first) } else { first_on_time(spec, now, last) };
    let run_from = match catch_up {
        _ if too_late(last) => None,
        CatchUp::None => on_time(),
        CatchUp::Latest => Some(on_time().unwrap_or(last)),
        CatchUp::All => Some(first_to_catch_up(spec, (first, last), &too_late)),
    };
    let mut fates = Vec::new();
    if run_from != Some(first) {
        let until = run_from.unwrap_or(last + TimeDelta::microseconds(1));
        fates.push(missed(spec, first, until, why(run_from, grace.filter(|_| catch_up != CatchUp::None))));
    }
    if let Some(from) = run_from {
        let runs = std::iter::once(from).chain(spec.occurrences(from).map(|run| run.at).take_while(|at| *at <= last));
        fates.extend(runs.map(|at| Fate::Run { at, late: Some(now - at).filter(|late| *late > ON_TIME) }));
    }
    fates
}

/// The first due time within [`ON_TIME`] of `now`, if `last` is.
fn first_on_time(spec: &Spec, now: DateTime<Utc>, last: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (now - last <= ON_TIME).then(|| spec.next_after(now - ON_TIME - TimeDelta::microseconds(1)).unwrap_or(last))
}

/// The first of the last hundred due times that are not too late, found from the end.
fn first_to_catch_up(
    spec: &Spec,
    (first, last): (DateTime<Utc>, DateTime<Utc>),
    too_late: &impl Fn(DateTime<Utc>) -> bool,
) -> DateTime<Utc> {
    let mut from = last;
    for _ in 1..MOST_CAUGHT_UP {
        if from == first {
            break;
        }
        let before = spec.last_between(first, from - TimeDelta::microseconds(1)).map_or(first, |run| run.at);
        if too_late(before) {
            break;
        }
        from = before;
    }
    from
}

fn missed(spec: &Spec, from: DateTime<Utc>, until: DateTime<Utc>, reason: Why) -> Fate {
    let others = spec.occurrences(from).map(|run| run.at).take_while(|at| *at < until).take(MOST_COUNTED).count();
    let to = spec.last_between(from, until - TimeDelta::microseconds(1)).map_or(from, |run| run.at);
    Fate::Missed { from, to, count: others as u64 + 1, reason }
}

/// Without a run there was either a grace that is over, or no wish to catch up.
fn why(run_from: Option<DateTime<Utc>>, grace: Option<TimeDelta>) -> Why {
    match (run_from, grace) {
        (Some(at), _) => Why::StoodFor(at),
        (None, Some(grace)) => Why::TooLate(grace),
        (None, None) => Why::NoCatchUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::StoredTiming;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn hourly(first: &str, now: &str, catch_up: CatchUp, grace: Option<i64>) -> Vec<Fate> {
        let spec = StoredTiming::utc_cron("0 * * * *").spec().unwrap();
        decide(&spec, at(first), at(now), (catch_up, grace.map(TimeDelta::seconds)))
    }

    fn runs(fates: &[Fate]) -> Vec<String> {
        fates
            .iter()
            .filter_map(|fate| match fate {
                Fate::Run { at, .. } => Some(at.format("%H").to_string()),
                Fate::Missed { .. } => None,
            })
            .collect()
    }

    fn missed_counts(fates: &[Fate]) -> Vec<u64> {
        fates
            .iter()
            .filter_map(|fate| match fate {
                Fate::Missed { count, .. } => Some(*count),
                Fate::Run { .. } => None,
            })
            .collect()
    }

    #[test]
    fn on_time_it_just_runs() {
        let fates = hourly("2026-01-01T02:00:00Z", "2026-01-01T02:00:00.004Z", CatchUp::None, Some(0));
        assert_eq!(fates, [Fate::Run { at: at("2026-01-01T02:00:00Z"), late: None }]);
    }

    #[test]
    fn latest_runs_the_last_one_and_accounts_for_the_others() {
        let fates = hourly("2026-01-01T02:00:00Z", "2026-01-01T05:30:00Z", CatchUp::Latest, None);
        assert_eq!((runs(&fates), missed_counts(&fates)), (vec!["05".into()], vec![3]));
    }

    #[test]
    fn all_runs_each_of_them() {
        let fates = hourly("2026-01-01T02:00:00Z", "2026-01-01T05:30:00Z", CatchUp::All, None);
        assert_eq!((runs(&fates).len(), missed_counts(&fates)), (4, vec![]));
        let long = hourly("2026-01-01T00:00:00Z", "2026-01-11T00:30:00Z", CatchUp::All, None);
        assert_eq!((runs(&long).len(), missed_counts(&long)), (100, vec![141]));
    }

    #[test]
    fn all_leaves_out_what_is_beyond_the_grace() {
        let fates = hourly("2026-01-01T02:00:00Z", "2026-01-01T05:30:00Z", CatchUp::All, Some(2 * 3600));
        assert_eq!((runs(&fates), missed_counts(&fates)), (vec!["04".into(), "05".into()], vec![2]));
    }

    #[test]
    fn all_is_bounded_however_long_the_downtime_was() {
        let spec = StoredTiming::utc_cron("* * * * *").spec().unwrap();
        let fates = decide(&spec, at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:30Z"), (CatchUp::All, None));
        assert_eq!(runs(&fates).len(), 100);
        assert_eq!(
            fates.last(),
            Some(&Fate::Run { at: at("2026-02-01T00:00:00Z"), late: Some(TimeDelta::seconds(30)) })
        );
    }

    #[test]
    fn a_tick_that_is_a_little_late_misses_nothing() {
        let spec = StoredTiming::utc_cron("* * * * * *").spec().unwrap();
        for catch_up in [CatchUp::Latest, CatchUp::None] {
            let fates = decide(&spec, at("2026-01-01T00:00:10Z"), at("2026-01-01T00:00:13.2Z"), (catch_up, None));
            assert_eq!((runs(&fates).len(), missed_counts(&fates)), (4, vec![]));
        }
    }

    #[test]
    fn none_runs_nothing_that_was_missed() {
        let fates = hourly("2026-01-01T02:00:00Z", "2026-01-01T05:30:00Z", CatchUp::None, None);
        assert_eq!((runs(&fates), missed_counts(&fates)), (vec![], vec![4]));
    }

    #[test]
    fn later_than_the_grace_is_missed() {
        let fates = hourly("2026-01-01T02:00:00Z", "2026-01-01T02:10:00Z", CatchUp::Latest, Some(300));
        assert_eq!((runs(&fates), missed_counts(&fates)), (vec![], vec![1]));
    }
}
