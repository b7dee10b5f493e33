//! What came of a run, for people: a table with a line for each kind of fault, and what was violated.

use std::{collections::BTreeMap, fmt, time::Duration};

use chrono::{DateTime, Utc};

use crate::{check::Violation, script::Kind};

/// A step that was done, and how soon everything went on.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The step's name.
    pub name: &'static str,
    /// The kinds of its faults.
    pub kinds: Vec<Kind>,
    /// The step in full.
    pub step: String,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it lasted.
    pub lasted: Duration,
    /// From its beginning until a job that was enqueued then was done; none: never.
    pub during: Option<Duration>,
    /// The same from its end.
    pub after: Option<Duration>,
    /// From its end until everything that had been enqueued before was done.
    pub rest: Option<Duration>,
}

/// The outcome of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What brings it back.
    pub seed: u64,
    /// What was done, in order.
    pub recoveries: Vec<Recovery>,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// Jobs that producers were told of: committed, not wanted, uncertain.
    pub told: [usize; 3],
    /// Executions by state.
    pub states: Vec<(String, i64)>,
    /// How many attempts there were.
    pub attempts: i64,
}

impl Report {
    /// The fault that was under way, or had been the last, when a violation began.
    fn blamed(&self, violation: &Violation) -> &'static str {
        let before = self.recoveries.iter().take_while(|recovery| violation.at.is_some_and(|at| recovery.at <= at));
        before.last().map_or("no fault in particular", |recovery| recovery.name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: BTreeMap<&str, Vec<&Recovery>> = BTreeMap::new();
        for recovery in &self.recoveries {
            lines.entry(recovery.name).or_default().push(recovery);
        }
        let mut blamed: BTreeMap<&str, usize> = BTreeMap::new();
        for violation in &self.violations {
            *blamed.entry(self.blamed(violation)).or_default() += 1;
        }
        writeln!(
            f,
            "| Fault | Times | Lasted, s | A job of its beginning, s | A job of its end, s | All before its end, s | Violations |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|--:|--:|")?;
        for (name, recoveries) in &lines {
            let column = |of: fn(&Recovery) -> Option<Duration>| p50_and_max(recoveries, of);
            let (lasted, during) = (column(|one| Some(one.lasted)), column(|one| one.during));
            let (after, rest) = (column(|one| one.after), column(|one| one.rest));
            let violations = blamed.get(name).unwrap_or(&0);
            writeln!(f, "| {name} | {} | {lasted} | {during} | {after} | {rest} | {violations} |", recoveries.len())?;
        }
        let [committed, refused, unknown] = self.told;
        let states: Vec<String> = self.states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        writeln!(
            f,
            "\nseed {}: {} faults; jobs: {committed} committed, {refused} not wanted, {unknown} uncertain; executions: {}; {} attempts; {} violations",
            self.seed,
            self.recoveries.len(),
            states.join(", "),
            self.attempts,
            self.violations.len()
        )?;
        for violation in &self.violations {
            writeln!(
                f,
                "\nVIOLATED: {} (during or after: {})\n  {}",
                violation.what,
                self.blamed(violation),
                violation.evidence
            )?;
        }
        Ok(())
    }
}

/// `0.4 / 2.1`; `never` when one of them never was.
fn p50_and_max(recoveries: &[&Recovery], of: fn(&Recovery) -> Option<Duration>) -> String {
    let Some(mut times) = recoveries.iter().map(|recovery| of(recovery)).collect::<Option<Vec<_>>>() else {
        return "never".to_owned();
    };
    times.sort_unstable();
    let [middle, most] = [times.len() / 2, times.len() - 1].map(|at| times[at].as_secs_f64());
    format!("{middle:.1} / {most:.1}")
}
