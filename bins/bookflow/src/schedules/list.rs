//! `bookflow schedules list`.

use kernel::Result;
use schedules::{
    Rhythm, StoredTiming,
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
    let Ok(timing) = serde_json::from_value::<StoredTiming>(schedule.timing.clone()) else {
        return "cannot be read".to_owned();
    };
    match timing.rhythm {
        Rhythm::Cron { expressions, .. } => format!("{} {}", expressions.join(" | "), timing.zone),
        Rhythm::Interval { every_seconds, .. } => format!("every {every_seconds} s"),
        Rhythm::Once { at } => format!("once at {}", instant(at)),
        Rhythm::None => "after others, or by hand".to_owned(),
    }
}
