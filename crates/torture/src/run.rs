//! One run: start everything, load it, do what the script says, let it come to rest, check.

use std::time::{Duration, Instant};

use futures::future::join_all;
use kernel::Rng;
use store::{Db, Sql};
use testkit::{Backing, Ground, Lane, LaneOptions};
use tokio_util::sync::CancellationToken;

use crate::{
    check::{Violation, check},
    faults,
    load::{Load, Schedules, probe},
    report::{Recovery, Report},
    script::{self, Kind, Step, WEBS, WORKERS},
    witness,
};

/// How long everything may take to go on after a fault, and to come to rest at the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long faults go on.
    pub minutes: f64,
    /// Makes the script, and the jobs of the load.
    pub seed: u64,
    /// Rounds of the script that are done however long they take.
    pub rounds: usize,
    /// Jobs enqueued per second.
    pub rate: u32,
}

impl Default for Options {
    /// Three minutes with a seed of chance.
    fn default() -> Self {
        Self { minutes: 3.0, seed: (Rng::system().unit() * 1e9) as u64, rounds: 0, rate: 25 }
    }
}

/// Does it all, and says what came of it.
pub async fn run(options: Options) -> Report {
    let steps = script::write(options.seed, options.rounds.max(options.minutes.ceil() as usize));
    println!(
        "seed {}: {} minutes at {} jobs/s; the script, as far as time allows:",
        options.seed, options.minutes, options.rate
    );
    steps.iter().enumerate().for_each(|(index, step)| println!("{:>4}. {step}", index + 1));
    let lane = start().await;
    witness::install(lane.db()).await;
    let schedules = Schedules::insert(lane.db()).await;
    let producer = lane.producer();
    let load = Load::new(&lane, producer.clone(), schedules.by_hand, options.seed).await;
    let (told, stop) = (load.told().clone(), CancellationToken::new());
    let loading = tokio::spawn(load.run(options.rate, stop.clone()));
    let (recoveries, mut violations) = torture(&lane, &producer, (&steps, options)).await;
    stop.cancel();
    loading.await.unwrap();
    violations.extend(rest(&lane, &schedules).await);
    told.save(lane.db()).await;
    violations.extend(check(&lane, &schedules, &recoveries).await);
    if !violations.is_empty() {
        keep_logs(&lane, options.seed);
    }
    Report {
        seed: options.seed,
        recoveries,
        violations,
        told: told.counts(),
        states: sqlx::query_as(STATES).fetch_all(lane.db().pool()).await.unwrap(),
        attempts: lane.count("select sum(attempt) from executions", []).await,
    }
}

/// For whoever looks for the cause.
fn keep_logs(lane: &Lane, seed: u64) {
    let folder = std::env::temp_dir().join(format!("bookflow-torture-{seed}"));
    std::fs::create_dir_all(&folder).unwrap();
    for process in lane.services() {
        std::fs::write(folder.join(process.name()).with_extension("log"), process.log()).unwrap();
    }
    println!("the logs of the processes are in {}", folder.display());
}

const STATES: &str = "select state, count(*) from executions group by state order by 2 desc";

async fn start() -> Lane {
    let options = LaneOptions {
        webs: WEBS,
        workers: WORKERS,
        postgres: Backing::Private,
        ground: Ground::Shaky,
        ..LaneOptions::default()
    };
    // All of them together leave Postgres some of its hundred connections.
    let options = options
        .env("DATABASE_MAX_CONNECTIONS", "10")
        .env("ACCESS_TOKEN_TTL", "24h")
        .env("SCHEDULE_RATE_LIMIT_PER_MINUTE", "1000000");
    Lane::start(options.env("RUST_LOG", "info,apalis_core=off,apalis_cron=error,sqlx=warn,jobs::outcome=warn")).await
}

/// One step after the other, until the time is up.
async fn torture(lane: &Lane, producer: &Db, (steps, options): (&[Step], Options)) -> (Vec<Recovery>, Vec<Violation>) {
    let (mut recoveries, mut violations) = (Vec::new(), Vec::new());
    let until = Instant::now() + Duration::from_secs_f64(options.minutes * 60.0);
    let least = options.rounds * Kind::ALL.len();
    for (index, step) in steps.iter().enumerate() {
        if Instant::now() > until && index >= least {
            break;
        }
        tokio::time::sleep(step.peace).await;
        let (recovery, wrong) = one(lane, producer, step).await;
        let time =
            |time: Option<Duration>| time.map_or("never".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()));
        let [during, after, rest] = [recovery.during, recovery.after, recovery.rest].map(time);
        println!("{:>4}. {}: from its beginning {during}, from its end {after}, all {rest}", index + 1, recovery.name);
        let mut add = |what, evidence| violations.push(Violation { what, evidence, at: Some(recovery.at) });
        for evidence in wrong {
            add("a process goes on by itself, and stops in order", evidence);
        }
        if recovery.during.is_none() || recovery.after.is_none() || recovery.rest.is_none() {
            add("everything goes on within a minute", recovery.step.clone());
        }
        recoveries.push(recovery);
    }
    (recoveries, violations)
}

/// Does what a step says and waits until everything goes on; also returns what processes did wrong.
async fn one(lane: &Lane, producer: &Db, step: &Step) -> (Recovery, Vec<String>) {
    let (at, began) = (lane.db().clock().now(), Instant::now());
    let ((mut wrong, lasted, after, rest), during) = tokio::join!(
        async {
            let wrong = faults::inflict(lane, step).await;
            let lasted = began.elapsed();
            let (after, rest) = tokio::join!(probe(producer, PATIENCE), drained(lane, PATIENCE));
            (wrong, lasted, after, rest)
        },
        async {
            tokio::time::sleep(Duration::from_millis(20)).await; // until it has begun
            probe(producer, PATIENCE * 2).await
        }
    );
    wrong.extend(all_alive(lane).await);
    let kinds = step.kinds().collect();
    (Recovery { name: step.name(), kinds, step: step.to_string(), at, lasted, during, after, rest }, wrong)
}

/// Waits until what has been enqueued so far has ended; what was to be delayed is left out.
async fn drained(lane: &Lane, patience: Duration) -> Option<Duration> {
    let (now, began) = (lane.db().clock().now(), Instant::now());
    while began.elapsed() < patience {
        let open: Result<Option<i64>, _> = lane.db().conn().scalar(OPEN, [now.into()]).await;
        if matches!(open, Ok(Some(0))) {
            return Some(began.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

const OPEN: &str = "select count(*) from executions where state in ('queued', 'running') and created_at <= $1";

/// Waits until every process is ready; those that ended without being asked to are started again, as a platform would.
async fn all_alive(lane: &Lane) -> Vec<String> {
    let each = lane.services().map(async |process| {
        let ended = process.ended().map(|how| format!("{} ended by itself: {how}", process.name()));
        if ended.is_some() {
            process.restart_unready().await;
        }
        let began = Instant::now();
        while !process.is_ready().await {
            if began.elapsed() > PATIENCE {
                return Some(format!("{} is not ready after {PATIENCE:?}", process.name()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ended
    });
    join_all(each).await.into_iter().flatten().collect()
}

/// The schedules end, and everything that is left is done.
async fn rest(lane: &Lane, schedules: &Schedules) -> Vec<Violation> {
    // Connections that ended in the last fault are noticed now.
    join_all((0..20).map(|_| lane.db().ping())).await;
    schedules.pause(lane).await;
    let began = Instant::now();
    while lane.count(LEFT, []).await > 0 {
        if began.elapsed() > PATIENCE {
            let evidence = "see the executions that are open".to_owned();
            return vec![Violation { what: "everything comes to rest within a minute", evidence, at: None }];
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Vec::new()
}

const LEFT: &str = "
select (select count(*) from executions where state in ('queued', 'running')) + (select count(*) from schedule_events)";
