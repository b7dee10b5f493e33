//! `bookflow schedules next`.

use chrono::{DateTime, Utc};
use clap::Args;
use kernel::{Problem, Result, kinds};
use schedules::read::{self, ScheduleRow};
use serde::Serialize;

use crate::{
    output::{instant, table},
    session::Session,
};

/// Which runs.
#[derive(Args)]
pub struct Next {
    /// Only this schedule
    name: Option<String>,
    /// How many runs of each
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
}

/// The coming runs of one schedule.
#[derive(Serialize)]
struct Coming {
    name: String,
    kind: String,
    runs: Vec<DateTime<Utc>>,
}

/// Shows the runs of each active schedule, the soonest first.
pub async fn run(session: &Session, next: Next) -> Result<()> {
    let db = &session.parts.db;
    let schedules = match &next.name {
        Some(name) => vec![read::find_by_name(db, name).await?.ok_or_else(|| no_such(name))?],
        None => read::list(db).await?,
    };
    let now = db.clock().now();
    let active = schedules.into_iter().filter(|schedule| schedule.state == "active");
    let mut coming = active.map(|schedule| coming(schedule, now, next.count)).collect::<Result<Vec<_>>>()?;
    coming.sort_by_key(|schedule| schedule.runs.first().copied());
    session.output.print(&coming, |coming| {
        let rows: Vec<_> = coming.iter().flat_map(rows).collect();
        if rows.is_empty() { "nothing is going to run".to_owned() } else { table(["NAME", "KIND", "RUN"], &rows) }
    })
}

fn coming(schedule: ScheduleRow, now: DateTime<Utc>, count: u16) -> Result<Coming> {
    let runs = schedule
        .upcoming(now, usize::from(count))
        .map_err(|words| Problem::internal(format!("the timing of {} cannot be read: {words}", schedule.name)))?;
    Ok(Coming { name: schedule.name, kind: schedule.kind, runs })
}

fn rows(coming: &Coming) -> impl Iterator<Item = [String; 3]> + '_ {
    coming.runs.iter().map(|run| [coming.name.clone(), coming.kind.clone(), instant(*run)])
}

fn no_such(name: &str) -> Problem {
    Problem::new(&kinds::NOT_FOUND).detail(format!("there is no schedule {name}"))
}
