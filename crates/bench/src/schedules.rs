//! Schedules by the million: how long a tick takes while next to nothing is due, and how soon everything has started
//! when thousands are due at the same instant.

use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use store::Sql;
use testkit::{Backing, Lane, LaneOptions};

use crate::figures::{Figures, quantile};

/// Schedules that are due far in the future.
const IDLE: i64 = 1_000_000;
/// Schedules that are due in the same second.
const BURST: i64 = 10_000;
/// Cron schedules that are due at the same full minute.
const MINUTE: i64 = 5_000;
/// How long the steady state is watched.
const STEADY: Duration = Duration::from_secs(60);
const ROUNDS: usize = 3;

/// Measures with and without the idle ones.
pub async fn measure(figures: &mut Figures) {
    let options = LaneOptions { webs: 0, postgres: Backing::Private, ..LaneOptions::default() };
    // The lease of production, since these tests are not about its end.
    let lane = Lane::start(options.env("RUST_LOG", "warn,schedules=debug").env("JOB_LEASE", "10s")).await;
    same_minute(figures, &lane, "alone").await;
    let began = Instant::now();
    idle(&lane).await;
    figures.add("idle schedules inserted", IDLE as f64, "rows", format!("{:.0} s", began.elapsed().as_secs_f64()));
    steady(figures, &lane).await;
    burst(figures, &lane).await;
    same_minute(figures, &lane, "beside the idle ones").await;
}

/// A million of many shapes: a few hundred expressions and intervals, due from an hour to a month from now.
async fn idle(lane: &Lane) {
    let per_statement = 20_000;
    for part in 0..IDLE / per_statement {
        let values = [(part * per_statement).into(), per_statement.into(), lane.db().clock().now().into()];
        lane.db().conn().run(INSERT_IDLE, values).await.unwrap();
    }
    sqlx::query("vacuum analyze schedules").execute(lane.db().pool()).await.unwrap();
}

const INSERT_IDLE: &str = "
insert into schedules (id, name, description, origin, schedule_type, kind, args, timing, given, tags, next_run_at, since,
                       created_by, updated_by, created_at, updated_at)
select gen_random_uuid(), 'idle ' || n, 'one of very many', 'api', type, 'engine.noop', '{\"sleep_ms\": 0}', timing, timing,
       array['team-' || n % 50, 'idle'], $3 + interval '1 hour' + random() * interval '30 days', $3,
       'user:' || n % 1000, 'user:' || n % 1000, $3, $3
from (
    select n, case when n % 3 = 0 then 'interval' else 'cron' end as type,
           case when n % 3 = 0
                then jsonb_build_object('type', 'interval', 'every_seconds', 3600 + n % 200, 'anchor', $3)
                else jsonb_build_object('type', 'cron', 'expressions', array[(n % 60) || ' ' || (n / 60 % 24) || ' * * *'],
                                        'zone', (array['UTC', 'Europe/Berlin', 'Asia/Jakarta', 'America/New_York'])[1 + n % 4])
           end as timing
    from generate_series($1::int8 + 1, $1::int8 + $2::int8) n
) shapes";

/// How long ticks take while one schedule is due each second.
async fn steady(figures: &mut Figures, lane: &Lane) {
    insert(lane, 1, json_interval(1, now(lane)), now(lane) + TimeDelta::seconds(1)).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = ticks(lane).len();
    tokio::time::sleep(STEADY).await;
    let mut took = ticks(lane).split_off(before);
    took.sort_by(f64::total_cmp);
    clear(lane).await;
    let note = format!("{} ticks with one due each, {IDLE} idle; max {:.1}", took.len(), quantile(&took, 1.0));
    figures.add("steady tick: p50", quantile(&took, 0.5), "ms", "");
    figures.add("steady tick: p99", quantile(&took, 0.99), "ms", note);
}

/// Everything due in one second.
async fn burst(figures: &mut Figures, lane: &Lane) {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let at = now(lane).duration_trunc(TimeDelta::seconds(1)).unwrap() + TimeDelta::seconds(5);
        insert(lane, BURST, json_interval(86_400, at), at).await;
        rounds.push(Round::watch(lane, BURST, at).await);
        clear(lane).await;
    }
    report(figures, "10 000 in the same second", &rounds);
}

/// Every cron schedule of a full minute.
async fn same_minute(figures: &mut Figures, lane: &Lane, beside: &str) {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        // At the next full minute that leaves time for inserting them; the hour keeps them from being due again soon.
        let at =
            (now(lane) + TimeDelta::seconds(3)).duration_trunc(TimeDelta::minutes(1)).unwrap() + TimeDelta::minutes(1);
        let timing = serde_json::json!({"type": "cron", "expressions": [at.format("%-M * * * *").to_string()], "zone": "Europe/Berlin"});
        insert(lane, MINUTE, timing, at).await;
        rounds.push(Round::watch(lane, MINUTE, at).await);
        clear(lane).await;
    }
    report(figures, &format!("5 000 crons of a minute, {beside}"), &rounds);
}

fn report(figures: &mut Figures, name: &str, rounds: &[Round]) {
    let of = |pick: fn(&Round) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(pick).collect();
        all.sort_by(f64::total_cmp);
        let note =
            format!("{} rounds: {}", all.len(), all.iter().map(|s| format!("{s:.2}")).collect::<Vec<_>>().join(" "));
        (quantile(&all, 0.5), note)
    };
    for (what, (value, note)) in [
        ("inserted", of(|round| round.inserted)),
        ("last start", of(|round| round.started)),
        ("last end", of(|round| round.finished)),
        ("counted", of(|round| round.counted)),
    ] {
        figures.add(&format!("{name}: {what}"), value, "s", note);
    }
}

/// Seconds from the due time until all of them were inserted, started, ended, and in the counters.
struct Round {
    inserted: f64,
    started: f64,
    finished: f64,
    counted: f64,
}

impl Round {
    async fn watch(lane: &Lane, count: i64, at: DateTime<Utc>) -> Self {
        let since = |instant: DateTime<Utc>| (instant - at).num_milliseconds() as f64 / 1000.0;
        tokio::time::sleep((at - now(lane)).to_std().unwrap_or_default()).await;
        let inserted =
            since(reaches(lane, "select count(*) from executions where schedule_id is not null", count).await);
        let counted = "select coalesce(sum(runs), 0)::int8 from schedule_counters";
        let counted = since(reaches(lane, counted, count).await);
        let ends = "select max(started_at) as started, max(finished_at) as finished from executions where schedule_id is not null";
        let (started, finished): (DateTime<Utc>, DateTime<Utc>) =
            sqlx::query_as(ends).fetch_one(lane.db().pool()).await.unwrap();
        Self { inserted, started: since(started), finished: since(finished), counted }
    }
}

/// Waits until the query says so many; when it did.
async fn reaches(lane: &Lane, sql: &'static str, count: i64) -> DateTime<Utc> {
    while lane.count(sql, []).await < count {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    now(lane)
}

fn now(lane: &Lane) -> DateTime<Utc> {
    lane.db().clock().now()
}

fn json_interval(seconds: u32, anchor: DateTime<Utc>) -> serde_json::Value {
    serde_json::json!({"type": "interval", "every_seconds": seconds, "anchor": anchor})
}

async fn insert(lane: &Lane, count: i64, timing: serde_json::Value, at: DateTime<Utc>) {
    let values = [count.into(), timing.into(), at.into(), now(lane).into()];
    lane.db().conn().run(INSERT, values).await.unwrap();
}

const INSERT: &str = "
insert into schedules (id, name, origin, schedule_type, kind, args, timing, given, tags, next_run_at, since, created_by,
                       created_at, updated_at)
select gen_random_uuid(), 'due ' || n, 'api', case $2::jsonb ->> 'type' when 'cron' then 'cron' else 'interval' end,
       'engine.noop', '{}', $2, $2, array['due'], $3, $4, 'bench', $4, $4
from generate_series(1, $1::int8) n";

/// Ends the schedules that were due, and forgets what they left.
async fn clear(lane: &Lane) {
    let steps = [
        "update schedules set state = 'paused', next_run_at = null where created_by = 'bench'",
        "delete from executions where schedule_id is not null",
        "delete from schedule_events",
        "delete from schedule_counters",
        "delete from schedule_spans",
        "delete from schedules where created_by = 'bench'",
    ];
    for step in steps {
        lane.db().conn().run(step, []).await.unwrap();
    }
    for table in ["vacuum analyze executions", "vacuum schedules"] {
        sqlx::query(table).execute(lane.db().pool()).await.unwrap();
    }
}

/// Milliseconds that each tick took that had something to do, from the worker's log.
fn ticks(lane: &Lane) -> Vec<f64> {
    let took = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?["took_us"].as_f64();
    lane.log("worker-0").lines().filter_map(took).map(|micros| micros / 1000.0).collect()
}
