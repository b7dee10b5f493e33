//! Statistics of what ended in a window of time: exact, from the rows.
//!
//! Percentiles are by nearest rank. They are had without sorting the executions: those of the same millisecond are counted
//! together, which Postgres does in parallel, and the rank is found by walking along the counts.

use chrono::{DateTime, TimeDelta, Utc};
use futures::try_join;
use kernel::{Problem, Result, kinds};
use sqlx::FromRow;
use store::Db;
use uuid::Uuid;

use crate::names::State;

/// A window that ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    Hour,
    Day,
    Week,
}

impl Window {
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// The window of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.name() == name)
    }

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// How long it is.
    pub const fn hours(self) -> i32 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 168,
        }
    }

    /// Into how many stretches it is divided, and how long each is.
    pub fn buckets(self) -> (i32, TimeDelta) {
        match self {
            Self::Hour => (12, TimeDelta::minutes(5)),
            Self::Day => (24, TimeDelta::hours(1)),
            Self::Week => (168, TimeDelta::hours(1)),
        }
    }
}

/// How many ended in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub succeeded: i64,
    pub failed: i64,
    pub cancelled: i64,
    pub skipped: i64,
    pub missed: i64,
}

impl Counts {
    fn add(&mut self, state: &str, n: i64) {
        let count = match State::parse(state) {
            Some(State::Succeeded) => &mut self.succeeded,
            Some(State::Failed) => &mut self.failed,
            Some(State::Cancelled) => &mut self.cancelled,
            Some(State::Skipped) => &mut self.skipped,
            Some(State::Missed) => &mut self.missed,
            Some(State::Queued | State::Running) | None => return, // these have no end
        };
        *count += n;
    }

    /// All of them.
    pub fn total(self) -> i64 {
        self.succeeded + self.failed + self.cancelled + self.skipped + self.missed
    }

    /// The share that succeeded of what ran to its end; `None` when nothing did.
    pub fn success_rate(self) -> Option<f64> {
        let ran = self.succeeded + self.failed;
        (ran > 0).then(|| self.succeeded as f64 / ran as f64)
    }
}

/// Percentiles in milliseconds; `None` when there is nothing to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub(crate) struct Percentiles {
    pub samples: i64,
    pub p50: Option<i64>,
    pub p95: Option<i64>,
    pub p99: Option<i64>,
}

/// What ended in a window.
#[derive(Clone, Debug)]
pub(crate) struct Stats {
    pub window: Window,
    pub until: DateTime<Utc>,
    /// The stretches, oldest first.
    pub buckets: Vec<Counts>,
    pub counts: Counts,
    pub lateness: Percentiles,
    pub duration: Percentiles,
}

/// What ended before `until` within each of `windows`, of one schedule or of all. The rows are read once for all windows.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn of(
    db: &Db,
    schedule: Option<Uuid>,
    windows: &[Window],
    until: DateTime<Utc>,
) -> Result<Vec<Stats>> {
    let hours = windows.iter().map(|window| window.hours()).max().unwrap_or_default();
    let (ends, lateness, duration) = try_join!(
        ends(db, schedule, hours, until),
        percentiles(db, LATENESS, schedule, (hours, until)),
        percentiles(db, DURATION, schedule, (hours, until)),
    )?;
    let stats = windows.iter().map(|window| {
        let find =
            |measured: &[Measured]| measured.iter().find(|one| one.hours == window.hours()).map(|one| one.percentiles);
        let (counts, buckets) = fold(&ends, *window);
        Stats {
            window: *window,
            until,
            buckets,
            counts,
            lateness: find(&lateness).unwrap_or_default(),
            duration: find(&duration).unwrap_or_default(),
        }
    });
    Ok(stats.collect())
}

/// How many of `state` ended so many whole hours ago; within the last one, so many times five minutes ago.
#[derive(Debug, FromRow)]
struct End {
    hours: i32,
    fives: Option<i32>,
    state: String,
    n: i64,
}

fn fold(ends: &[End], window: Window) -> (Counts, Vec<Counts>) {
    let mut buckets = vec![Counts::default(); window.buckets().0.unsigned_abs() as usize];
    let mut counts = Counts::default();
    for end in ends {
        let ago = if window == Window::Hour { end.fives } else { Some(end.hours) };
        let newest_first = ago.and_then(|ago| usize::try_from(ago).ok());
        if let Some(bucket) = newest_first.and_then(|ago| buckets.iter_mut().rev().nth(ago)) {
            bucket.add(&end.state, end.n);
            counts.add(&end.state, end.n);
        }
    }
    (counts, buckets)
}

async fn ends(db: &Db, schedule: Option<Uuid>, hours: i32, until: DateTime<Utc>) -> Result<Vec<End>> {
    let sql = if schedule.is_some() { ENDS_OF_SCHEDULE } else { ENDS };
    let query = sqlx::query_as(sql).persistent(false).bind(until).bind(hours).bind(schedule);
    Ok(query.fetch_all(db.pool()).await?)
}

/// One range of the index after the other: then no stretch has to be worked out for each row.
const ENDS: &str = "
select b.hours, b.fives, e.state, e.n
from (select 0 as hours, fives, fives * 5 as minutes, 5 as length from generate_series(0, 11) fives
      union all select hours, null, hours * 60, 60 from generate_series(1, $2::int - 1) hours) b,
     lateral (select state, count(*) as n from executions
              where finished_at <= $1 - b.minutes * interval '1 minute'
                and finished_at > $1 - (b.minutes + b.length) * interval '1 minute' and $3::uuid is null
              group by state) e";

/// The index of a schedule's history is in the order of ids, so all of it is read.
const ENDS_OF_SCHEDULE: &str = "
select floor(age / 3600)::int as hours, case when age < 3600 then floor(age / 300)::int end as fives, state, count(*) as n
from (select date_part('epoch', $1 - finished_at) as age, state from executions
      where schedule_id = $3 and finished_at <= $1 and finished_at > $1 - $2::int * interval '1 hour') ended
group by 1, 2, 3";

/// The percentiles of the window of so many hours.
#[derive(Debug, FromRow)]
struct Measured {
    hours: i32,
    #[sqlx(flatten)]
    percentiles: Percentiles,
}

async fn percentiles(
    db: &Db,
    sql: &'static str,
    schedule: Option<Uuid>,
    (hours, until): (i32, DateTime<Utc>),
) -> Result<Vec<Measured>> {
    let query = sqlx::query_as(sql).persistent(false).bind(until).bind(hours).bind(schedule);
    Ok(query.fetch_all(db.pool()).await?)
}

macro_rules! percentiles_of {
    ($value:literal, $present:literal) => {
        concat!(
            "with counted as (
                select ",
            $value,
            " as ms, count(*) as week, count(*) filter (where finished_at > $1 - interval '24 hours') as day,
                       count(*) filter (where finished_at > $1 - interval '1 hour') as hour
                from executions
                where finished_at <= $1 and finished_at > $1 - $2::int * interval '1 hour'
                  and ($3::uuid is null or schedule_id = $3) and ",
            $present,
            " group by 1
            ), walked as (
                select w.hours, ms, sum(w.n) over (partition by w.hours order by ms) as up_to,
                       sum(w.n) over (partition by w.hours) as total
                from counted, lateral (values (1, hour), (24, day), (168, week)) w (hours, n)
                where w.n > 0
            )
            select hours, max(total)::bigint as samples, min(ms) filter (where up_to >= ceil(0.50 * total)) as p50,
                   min(ms) filter (where up_to >= ceil(0.95 * total)) as p95, min(ms) filter (where up_to >= ceil(0.99 * total)) as p99
            from walked group by hours"
        )
    };
}

/// The expression is that of the statistics `executions_lateness`, word for word.
const LATENESS: &str =
    percentiles_of!("(date_part('epoch', started_at - run_at) * 1000000)::bigint / 1000", "started_at >= run_at");
const DURATION: &str = percentiles_of!("duration_ms", "duration_ms is not null");

/// What has not ended yet.
#[derive(Clone, Copy, Debug, Default, FromRow)]
pub(crate) struct Open {
    pub queued: i64,
    pub running: i64,
}

/// What waits and runs, of one schedule or of all.
///
/// # Errors
/// `not-found` when there is no such schedule.
pub(crate) async fn open(db: &Db, schedule: Option<Uuid>) -> Result<Open> {
    let Some(id) = schedule else {
        return Ok(sqlx::query_as(OPEN).persistent(false).fetch_one(db.pool()).await?);
    };
    let found: Option<Open> =
        sqlx::query_as(OPEN_OF_SCHEDULE).persistent(false).bind(id).fetch_optional(db.pool()).await?;
    found.ok_or_else(|| Problem::new(&kinds::NOT_FOUND).detail("there is no such schedule"))
}

const OPEN: &str = "
select (select count(*) from executions where state = 'queued' and dispatched_at is null)
     + (select count(*) from executions where state = 'queued' and dispatched_at is not null) as queued,
       (select count(*) from executions where state = 'running') as running";

const OPEN_OF_SCHEDULE: &str = "
select count(e.id) filter (where e.state = 'queued') as queued, count(e.id) filter (where e.state = 'running') as running
from schedules s left join executions e on e.schedule_id = s.id and e.schedule_id is not null and e.state in ('queued', 'running')
where s.id = $1 group by s.id";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_what_ran_to_its_end() {
        assert_eq!(Counts { cancelled: 2, missed: 1, ..Counts::default() }.success_rate(), None);
        assert_eq!(Counts { succeeded: 3, failed: 1, skipped: 9, ..Counts::default() }.success_rate(), Some(0.75));
    }

    #[test]
    fn every_window_is_as_long_as_its_name() {
        let length = |window: Window| window.buckets().1 * window.buckets().0;
        assert_eq!(Window::ALL.map(length), [TimeDelta::hours(1), TimeDelta::days(1), TimeDelta::weeks(1)]);
        assert_eq!(Window::ALL.map(length), Window::ALL.map(|window| TimeDelta::hours(window.hours().into())));
        assert_eq!(Window::ALL.map(|window| Window::parse(window.name())), Window::ALL.map(Some));
    }
}
