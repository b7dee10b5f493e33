//! `bookflow schedules list`.

use kernel::Result;
use schedules::{
    StoredTiming,
    read::{self, ScheduleRow},
};

use crate::{
    output::{instant, or_dash, table},
    session::Session,
};

/// Lists them.
pub async fn run(session: &Session) -> Result<()> {
    let found = read::list(&session.parts.db).await?;
    session.output.print(&found, |found| match found.as_slice() {
        [] => "no schedules; the worker writes them down when it starts".to_owned(),
        found => {
            let rows: Vec<_> = found.iter().map(row).collect();
            table(["NAME", "KIND", "STATE", "TIMING", "NEXT RUN", "LAST DUE"], &rows)
        }
    })
}

fn row(schedule: &ScheduleRow) -> [String; 6] {
    [
        schedule.name.clone(),
        schedule.kind.clone(),
        schedule.state.clone(),
        timing(schedule),
        or_dash(schedule.next_run_at, instant),
        or_dash(schedule.last_due_at, instant),
    ]
}

fn timing(schedule: &ScheduleRow) -> String {
    match serde_json::from_value(schedule.timing.clone()) {
        Ok(StoredTiming::Cron { expressions, zone, .. }) => format!("{} {zone}", expressions.join(" | ")),
        Ok(StoredTiming::Interval { every_seconds, .. }) => format!("every {every_seconds} s"),
        Ok(StoredTiming::Once { at }) => format!("once at {}", instant(at)),
        Err(_) => "cannot be read".to_owned(),
    }
}
