//! Cases collected from the test suites of other cron implementations, each with the policies under which it holds.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{super::DayMatch, *};

#[derive(Deserialize)]
struct Case {
    expr: String,
    tz: String,
    after: DateTime<Utc>,
    expected: Vec<DateTime<Utc>>,
    dom_dow: Option<String>,
    fits_policy: Vec<String>,
    role: String,
    source: String,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../tests-data/cron_cases.json")).unwrap()
}

/// `A | B` is a union, `A ! B` leaves out B, `@every Ns/Ps` counts from the epoch with a phase.
fn read(case: &Case, policy: (DstGap, DstOverlap)) -> Result<Spec, String> {
    let days = if case.dom_dow.as_deref() == Some("and") { DayMatch::Both } else { DayMatch::Either };
    let list = |text: &str| -> Result<Vec<Cron>, String> {
        text.split('|').map(|expr| Cron::parse_with(expr, days).map_err(|error| error.to_string())).collect()
    };
    let (run, exclude) = case.expr.split_once('!').unwrap_or((&case.expr, ""));
    let timing = match run.trim().strip_prefix("@every ") {
        Some(every) => {
            let (every, phase) = every.split_once('/').unwrap_or((every, "0s"));
            let seconds = |text: &str| text.trim().strip_suffix('s').unwrap().parse::<u32>().unwrap();
            Timing::Interval {
                every: seconds(every).try_into().unwrap(),
                anchor: DateTime::from_timestamp(seconds(phase).into(), 0).unwrap(),
            }
        }
        None => Timing::Cron { exprs: list(run)?, gap: policy.0, overlap: policy.1 },
    };
    let exclude = if exclude.is_empty() { Vec::new() } else { list(exclude)? };
    Ok(Spec { exclude, ..Spec::new(timing, zone(&case.tz)) })
}

/// Runs every case that fits one of the policies and returns how many there were, by role.
fn run(policy_name: &str, policy: (DstGap, DstOverlap)) -> [usize; 3] {
    let mut count = [0; 3];
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|case| case.fits_policy.iter().any(|name| name == policy_name)) {
        count[["default", "alternative-policy", "decision"].iter().position(|role| *role == case.role).unwrap()] += 1;
        // An expression that can never match is refused; the table says so with an empty list.
        let runs: Vec<_> = match read(case, policy) {
            Ok(spec) => spec.occurrences(case.after).take(case.expected.len().max(1)).map(|run| run.at).collect(),
            Err(error) if error.contains("never") => Vec::new(),
            Err(error) => panic!("{}: {error}", case.expr),
        };
        if runs != case.expected {
            wrong.push(format!("{} in {} after {} ({}): {runs:?}", case.expr, case.tz, case.after, case.source));
        }
    }
    println!("{policy_name}: {} default, {} alternative-policy, {} decision", count[0], count[1], count[2]);
    assert!(wrong.is_empty(), "{policy_name}: {} wrong\n{}", wrong.len(), wrong.join("\n"));
    count
}

#[test]
fn every_case_of_the_default_policy_passes_with_default_settings() {
    assert_eq!(cases().len(), 194);
    let [default, ..] = run("cronie", (DstGap::default(), DstOverlap::default()));
    assert!(default >= 169, "{default}");
}

#[test]
fn skip_and_both_read_the_local_time_literally() {
    let [default, alternative, _] = run("literal", (DstGap::Skip, DstOverlap::Both));
    assert!(default >= 144 && alternative >= 8, "{default} {alternative}");
}

#[test]
fn skip_and_first_lose_the_gap_and_repeat_no_fixed_time() {
    let [default, alternative, _] = run("skip_first", (DstGap::Skip, DstOverlap::First));
    assert!(default >= 160 && alternative >= 5, "{default} {alternative}");
}

#[test]
fn shift_moves_fixed_times_and_wildcards_by_the_gap() {
    let [default, alternative, decision] = run("shift", (DstGap::Shift, DstOverlap::First));
    assert!(default >= 161 && alternative >= 7 && decision >= 6, "{default} {alternative} {decision}");
}
