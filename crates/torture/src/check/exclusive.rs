//! Exclusive runs do not overlap, but while their lock may get lost.

use std::time::Duration;

use chrono::{DateTime, Utc};
use store::{Db, Sql};

use super::Violation;
use crate::report::Recovery;

/// How long after such a fault the last of those runs may go on that began without a lock.
const AFTERMATH: Duration = Duration::from_secs(5);

/// The runs that overlapped without an excuse.
pub async fn exclusive(db: &Db, recoveries: &[Recovery]) -> Vec<Violation> {
    let excused = |at: DateTime<Utc>| recoveries.iter().any(|recovery| excuses(recovery, at));
    let overlapping: Vec<DateTime<Utc>> = sqlx::query_scalar(OVERLAPPING).fetch_all(db.pool()).await.unwrap();
    let violation = |at: DateTime<Utc>| Violation {
        what: "exclusive runs do not overlap",
        evidence: format!("one began at {at} while another was at work"),
        at: Some(at),
    };
    let mut violations: Vec<_> = overlapping.into_iter().filter(|at| !excused(*at)).map(violation).collect();
    let unseen: i64 = db.conn().scalar(UNSEEN, []).await.unwrap().unwrap_or_default();
    if unseen > 0 {
        let evidence = format!("{unseen} of those that succeeded");
        violations.push(Violation { what: "the witness sees every exclusive run", evidence, at: None });
    }
    violations
}

fn excuses(recovery: &Recovery, at: DateTime<Utc>) -> bool {
    let until = recovery.at + recovery.lasted + AFTERMATH;
    recovery.kinds.iter().any(|kind| kind.excuses_overlap()) && (recovery.at..until).contains(&at)
}

const OVERLAPPING: &str = "select at from exclusive_runs where overlapping order by at";

/// Otherwise that none overlapped would mean nothing.
const UNSEEN: &str = "
select (select count(*) from executions where kind = 'engine.delete_old_executions' and state = 'succeeded')
     - (select count(*) from exclusive_runs)";
