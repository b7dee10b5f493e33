//! Schedules as the API stores them, written as rows: for tests of what becomes of their due times.

use chrono::{DateTime, Utc};
use jobs::{Effect, Job, Noop};
use schedules::StoredTiming;
use serde_json::{Value, json};
use store::{Db, Sql};
use uuid::Uuid;

/// A schedule of a drill.
#[must_use]
#[derive(Clone, Debug)]
pub struct Planned {
    name: String,
    schedule_type: &'static str,
    timing: Value,
    job: Noop,
    catch_up: &'static str,
    overlap: (&'static str, i32),
    grace: Option<i32>,
    after: Vec<Uuid>,
}

impl Planned {
    fn new(schedule_type: &'static str, timing: Value) -> Self {
        Self {
            name: format!("drill-{}", Uuid::now_v7()),
            schedule_type,
            timing,
            job: Noop { effect: Some(Effect::Row), ..Noop::default() },
            catch_up: "latest",
            overlap: ("allow", 1000),
            grace: None,
            after: Vec::new(),
        }
    }

    /// Due every so many seconds, at `anchor` and from then on.
    pub fn every(seconds: u32, anchor: DateTime<Utc>) -> Self {
        Self::new("interval", json!({"type": "interval", "every_seconds": seconds, "anchor": anchor}))
    }

    /// Due at the local times of `expression`, with seconds, in `zone`.
    pub fn cron(expression: &str, zone: &str) -> Self {
        Self::new("cron", json!({"type": "cron", "expressions": [expression], "zone": zone}))
    }

    /// Due once.
    pub fn once(at: DateTime<Utc>) -> Self {
        Self::new("one_time", json!({"type": "once", "at": at}))
    }

    /// Runs when all of `others` have succeeded in a round.
    pub fn after(others: &[Uuid]) -> Self {
        let never = json!({"type": "once", "at": DateTime::UNIX_EPOCH});
        Self { after: others.to_vec(), ..Self::new("dependent", never) }
    }

    /// The drill takes this long, in milliseconds. It leaves its effect at the end.
    pub fn takes(mut self, ms: u64) -> Self {
        self.job.sleep_ms = Some(ms);
        self
    }

    /// `latest`, `all` or `none`; without it `latest`.
    pub fn catch_up(mut self, policy: &'static str) -> Self {
        self.catch_up = policy;
        self
    }

    /// `skip`, `queue_one`, `allow` or `cancel_running`, and how many at a time; without it a thousand may overlap.
    pub fn overlap(mut self, policy: &'static str, most: i32) -> Self {
        self.overlap = (policy, most);
        self
    }

    /// How late a run may be, in seconds.
    pub fn grace(mut self, seconds: i32) -> Self {
        self.grace = Some(seconds);
        self
    }

    /// Its timing, to reckon its due times with.
    pub fn timing(&self) -> StoredTiming {
        serde_json::from_value(self.timing.clone()).expect("a timing")
    }

    /// Writes the row; the due times after now count.
    pub async fn insert(&self, db: &Db) -> Uuid {
        let (id, now) = (Uuid::now_v7(), db.clock().now());
        let next = self.timing().spec().expect("a timing that can be read").next_after(now);
        let values = [
            id.into(),
            self.name.as_str().into(),
            self.schedule_type.into(),
            Noop::KIND.into(),
            serde_json::to_value(&self.job).expect("JSON").into(),
            self.timing.clone().into(),
            self.catch_up.into(),
            self.overlap.0.into(),
            self.overlap.1.into(),
            self.grace.into(),
            next.into(),
            now.into(),
        ];
        db.conn().run(INSERT, values).await.expect("Postgres answers");
        for after in &self.after {
            db.conn().run(AFTER, [id.into(), (*after).into()]).await.expect("Postgres answers");
        }
        id
    }
}

const INSERT: &str = "
insert into schedules (id, name, origin, schedule_type, kind, args, timing, catch_up, overlap, max_instances,
                       misfire_grace_seconds, next_run_at, since, created_by, created_at, updated_at)
values ($1, $2, 'api', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'test', $12, $12)";

const AFTER: &str = "insert into schedule_dependencies (schedule_id, after_id, condition) values ($1, $2, 'success')";
