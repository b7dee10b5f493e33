//! Whatever is done to schedules, no due time is lost and none doubled: rows against an enumeration that shares nothing with
//! the code, over spans that the test notes by itself.

use std::{collections::BTreeMap, time::Duration};

use axum::http::Method;
use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use kernel::Rng;
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use store::Sql;
use testkit::{Person, TestApp};
use uuid::Uuid;

/// Beginnings shortly before a change of the clocks somewhere, and one far from any.
const BEGINNINGS: [&str; 4] =
    ["2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z", "2026-03-07T22:00:00Z", "2026-06-10T10:00:00Z"];
const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Jakarta", "Australia/Lord_Howe", "Asia/Kolkata"];
const SCHEDULES: usize = 6;
const STEPS: usize = 60;
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A rhythm that the test can enumerate minute by minute.
#[derive(Clone, Debug)]
enum Rhythm {
    /// Local minutes and hours; days of the week from Sunday, 0.
    Cron {
        minutes: Vec<u32>,
        hours: Vec<u32>,
        days: Vec<u32>,
        zone: &'static str,
    },
    Interval {
        seconds: i64,
        anchor: DateTime<Utc>,
    },
}

/// What counted in `(from, to]`.
#[derive(Clone, Debug)]
struct Span {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    rhythm: Rhythm,
    paused: bool,
}

struct Drill {
    id: Uuid,
    rhythm: Rhythm,
    catch_up: &'static str,
    overlap: &'static str,
    paused: bool,
    since: DateTime<Utc>,
    spans: Vec<Span>,
}

struct Chance(Rng);

impl Chance {
    fn below(&self, most: usize) -> usize {
        ((self.0.unit() * most as f64) as usize).min(most - 1)
    }

    fn one_of<T: Copy>(&self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn some_of(&self, below: u32, share: f64) -> Vec<u32> {
        let mut chosen: Vec<u32> = (0..below).filter(|_| self.0.unit() < share).collect();
        if chosen.is_empty() {
            chosen.push(self.below(below as usize) as u32);
        }
        chosen
    }

    fn rhythm(&self, now: DateTime<Utc>) -> Rhythm {
        if self.below(3) == 0 {
            let anchor = now + TimeDelta::seconds(self.below(7_200) as i64 - 3_600);
            return Rhythm::Interval { seconds: self.one_of(&[97, 300, 1_800, 5_000, 86_400]), anchor };
        }
        Rhythm::Cron {
            minutes: self.some_of(60, self.one_of(&[0.0, 0.05, 0.3])),
            hours: self.some_of(24, self.one_of(&[0.2, 1.0])),
            days: self.some_of(7, self.one_of(&[0.5, 1.0])),
            zone: self.one_of(&ZONES),
        }
    }
}

impl Rhythm {
    /// As the API takes it: by the policies under which a cron runs exactly where the local clock shows its time.
    fn fields(&self) -> Value {
        let list = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        match self {
            Self::Cron { minutes, hours, days, zone } => json!({
                "cron_expression": format!("{} {} * * {}", list(minutes), list(hours), list(days)),
                "timezone": zone, "dst_gap": "skip", "dst_overlap": "both",
            }),
            Self::Interval { seconds, anchor } => json!({ "interval_seconds": seconds, "anchor": anchor }),
        }
    }

    /// Its due times in `(from, to]`: by Postgres, which has a time zone database of its own.
    async fn dues(&self, app: &TestApp, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        #[derive(FromQueryResult)]
        struct Minute {
            at: DateTime<Utc>,
            local: chrono::NaiveDateTime,
        }
        match self {
            Self::Interval { seconds, anchor } => {
                let passed = (from - *anchor).num_seconds().div_euclid(*seconds) - 1;
                let all = (passed.max(0)..).map(|count| *anchor + TimeDelta::seconds(seconds * count));
                all.take_while(|at| *at <= to).filter(|at| *at > from).collect()
            }
            Self::Cron { minutes, hours, days, zone } => {
                let values = [from.into(), to.into(), (*zone).into()];
                let all: Vec<Minute> = app.db().conn().query(MINUTES, values).await.unwrap();
                let matches = |local: &chrono::NaiveDateTime| {
                    let day = local.weekday().num_days_from_sunday();
                    minutes.contains(&local.minute()) && hours.contains(&local.hour()) && days.contains(&day)
                };
                all.into_iter()
                    .filter(|minute| matches(&minute.local) && minute.local.second() == 0)
                    .map(|m| m.at)
                    .collect()
            }
        }
    }
}

const MINUTES: &str = "
select at, at at time zone $3 as local
from generate_series(date_trunc('minute', $1::timestamptz), $2::timestamptz, interval '1 minute') at
where at > $1";

#[derive(Debug, FromQueryResult)]
struct Row {
    scheduled_for: DateTime<Utc>,
    covers_to: Option<DateTime<Utc>>,
    state: String,
    counted: i64,
}

const ROWS: &str = "
select scheduled_for, covers_to, state, coalesce((result ->> 'count')::int8, 1) as counted
from executions where schedule_id = $1 and scheduled_for is not null order by scheduled_for";

impl Drill {
    /// A change that counts from now on.
    fn change(&mut self, now: DateTime<Utc>, change: impl FnOnce(&mut Self)) {
        self.spans.push(Span { from: self.since, to: now, rhythm: self.rhythm.clone(), paused: self.paused });
        self.since = now;
        change(self);
    }

    fn body(&self, name: &str) -> Value {
        let mut body = json!({ "name": name, "job": "engine.noop", "catch_up": self.catch_up, "overlap": self.overlap,
                               "max_instances": 1000, "misfire_grace_seconds": 1_000_000 });
        body.as_object_mut().unwrap().extend(self.rhythm.fields().as_object().unwrap().clone());
        body
    }

    async fn account_for(mut self, app: &TestApp) -> usize {
        self.change(app.clock().now(), |_| {});
        let rows: Vec<Row> = app.db().conn().query(ROWS, [self.id.into()]).await.unwrap();
        let mut left: BTreeMap<DateTime<Utc>, &Row> = rows.iter().map(|row| (row.scheduled_for, row)).collect();
        assert_eq!(left.len(), rows.len(), "two rows for one due time: {rows:#?}");
        let mut seen = 0;
        for span in self.spans {
            let dues = span.rhythm.dues(app, span.from, span.to).await;
            let mut covered_to = None;
            for due in &dues {
                match left.remove(due) {
                    Some(row) => {
                        assert!(!span.paused, "{due} was in a pause {span:?}: {row:?}");
                        assert!(covered_to < Some(*due), "{due} is covered, and has a row: {row:?}");
                        if row.state == "missed" {
                            let to = row.covers_to.expect("a missed row says how far it reaches");
                            let within = dues.iter().filter(|at| *due <= **at && **at <= to).count();
                            assert_eq!(row.counted, within as i64, "{row:?} in {span:?}");
                            covered_to = Some(to);
                        }
                    }
                    None => assert!(span.paused || covered_to >= Some(*due), "{due} is lost, of {span:?}"),
                }
                seen += 1;
            }
            assert!(covered_to <= Some(span.to), "a range reaches beyond its span");
        }
        assert!(left.is_empty(), "rows for what was never due: {left:#?}");
        seen
    }
}

async fn create(by: &Person<'_>, chance: &Chance, (name, now): (&str, DateTime<Utc>)) -> Drill {
    let (catch_up, overlap) =
        (chance.one_of(&["latest", "all", "none"]), chance.one_of(&["skip", "queue_one", "allow"]));
    let rhythm = chance.rhythm(now);
    let mut drill = Drill { id: Uuid::nil(), rhythm, catch_up, overlap, paused: false, since: now, spans: Vec::new() };
    let made = by.post("/api/v1/schedules").json(drill.body(name)).await.expect(201).json();
    drill.id = made["id"].as_str().unwrap().parse().unwrap();
    drill
}

/// Does something to one of them, or lets time pass.
async fn step(app: &TestApp, by: &Person<'_>, chance: &Chance, drills: &mut [Drill]) {
    let which = chance.below(drills.len());
    let drill = &mut drills[which];
    let path = format!("/api/v1/schedules/{}", drill.id);
    let now = app.clock().now();
    match chance.below(10) {
        0 if drill.paused => {
            by.post(&format!("{path}/resume")).json(json!({})).await.expect(200);
            drill.change(now, |drill| drill.paused = false);
        }
        0 | 1 if !drill.paused => {
            by.post(&format!("{path}/pause")).json(json!({ "reason": "a drill" })).await.expect(200);
            drill.change(now, |drill| drill.paused = true);
        }
        2 => {
            drill.change(now, |drill| drill.rhythm = chance.rhythm(now));
            let body = drill.body(&format!("drill {which}"));
            let put = app.request(Method::PUT, &path).bearer(&by.access_token).header("if-match", "*");
            put.json(body).await.expect(200);
        }
        3 => {
            let status = by.post(&format!("{path}/trigger")).json(json!({})).await.status;
            assert!([202, 409].contains(&status), "{status}");
        }
        4 | 5 => {
            app.drain_jobs().await;
        }
        _ => {
            // From seconds to most of a day without a worker.
            app.advance(Duration::from_micros((chance.0.unit().powi(4) * 7.2e10) as u64));
            app.tick().await;
        }
    }
}

#[tokio::test]
async fn whatever_is_done_to_schedules_no_due_time_is_lost_or_doubled() {
    for (seed, beginning) in (1..).zip(BEGINNINGS) {
        // Weeks may pass, and nobody logs in again.
        let app = TestApp::with(|config| {
            (config.accounts.access_token_ttl, config.accounts.refresh_token_ttl) = (YEAR, YEAR);
        });
        let app = app.await;
        app.go_to(beginning);
        let (admin, chance) = (app.admin().await, Chance(Rng::seeded(seed)));
        let mut drills = Vec::new();
        for which in 0..SCHEDULES {
            drills.push(create(&admin, &chance, (&format!("drill {which}"), app.clock().now())).await);
        }
        for _ in 0..STEPS {
            step(&app, &admin, &chance, &mut drills).await;
        }
        app.tick().await;
        app.drain_jobs().await;
        let mut seen = 0;
        for drill in drills {
            seen += drill.account_for(&app).await;
        }
        assert!(seen > 200, "seed {seed}: {seen} due times prove little");
        app.drain_all_jobs().await;
    }
}
