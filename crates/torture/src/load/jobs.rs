//! Jobs of every sort, at a steady rate, whatever goes wrong.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use ::jobs::{Effect, Enqueue, Job, Noop, Trouble};
use kernel::{Rng, kinds};
use schedules::DeleteOldExecutions;
use store::{Db, Tx};
use testkit::Lane;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Answer, Told};

/// Enqueues that may wait for an answer; when more do, the load waits too.
const AT_ONCE: usize = 100;
/// How many keys the unique jobs share.
const KEYS: u64 = 5;

/// What produces jobs.
#[derive(Clone)]
pub struct Load {
    /// As web does it: with tickets.
    producer: Db,
    /// As the CLI does it: without.
    silent: Db,
    told: Told,
    api: Api,
}

/// How to run something over HTTP.
#[derive(Clone)]
struct Api {
    http: reqwest::Client,
    webs: [String; 2],
    schedule: Uuid,
    token: String,
}

impl Load {
    /// Jobs by way of `schedule` over HTTP, and of the lane's database.
    pub async fn new(lane: &Lane, producer: Db, schedule: Uuid) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(15)).build().unwrap();
        let webs = [0, 1].map(|web| lane.web(web).url());
        let api = Api { http, webs, schedule, token: lane.log_in("system_admin").await };
        Self { producer, silent: lane.db().clone(), told: Told::default(), api }
    }

    /// What its producers were told.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// Enqueues `rate` jobs a second until `stop`; returns when each has been answered.
    pub async fn run(self, rate: u32, stop: CancellationToken) {
        let rng = Rng::system();
        let mut beat = tokio::time::interval(Duration::from_secs(1) / rate);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut open = JoinSet::new();
        while stop.run_until_cancelled(beat.tick()).await.is_some() {
            open.spawn(self.clone().one(rng.unit(), rng.unit()));
            while open.len() > AT_ONCE {
                open.join_next().await.unwrap().unwrap();
            }
            while let Some(ended) = open.try_join_next() {
                ended.unwrap();
            }
        }
        open.join_all().await;
    }

    /// One job: `sort` chooses which, `size` how long it takes or waits.
    async fn one(self, sort: f64, size: f64) {
        let marker = format!("torture-{}", Uuid::now_v7());
        let of = |most: f64| Duration::from_millis((size * most) as u64);
        let drill = |most: f64| Noop {
            sleep_ms: Some(of(most).as_millis() as u64),
            effect: Some(Effect::Row),
            padding: Some(marker.clone()),
            ..Noop::default()
        };
        let now = Enqueue::now;
        let answer = match (sort * 100.0) as u32 {
            0..30 => enqueue(&self.producer, &drill(50.0), now()).await,
            30..36 => enqueue(&self.silent, &drill(50.0), now()).await,
            36..50 => enqueue(&self.producer, &drill(20.0), Enqueue::after(of(2_000.0))).await,
            50..65 => enqueue(&self.producer, &drill(1_500.0), now()).await,
            65..73 => enqueue(&self.producer, &unique(drill(200.0)), now()).await,
            73..77 => enqueue(&self.producer, &DeleteOldExecutions {}, now()).await,
            77..86 => enqueue(&self.producer, &Noop { fail: Some(Trouble::Once), ..drill(20.0) }, now()).await,
            86..88 => enqueue(&self.producer, &Noop { fail: Some(Trouble::Fatal), ..drill(20.0) }, now()).await,
            88..90 => {
                let always = Noop { fail: Some(Trouble::Always), ..drill(20.0) };
                enqueue(&self.producer, &always, now().max_attempts(2)).await
            }
            _ => self.api.run(&drill(50.0), (size * 2.0) as usize).await,
        };
        self.told.note(&marker, answer, self.silent.clock().now());
    }
}

/// Two of one key do not wait at the same time.
fn unique(drill: Noop) -> Noop {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Relaxed) % KEYS;
    Noop { key: Some(format!("key-{number}")), ..drill }
}

async fn enqueue<J: Job>(db: &Db, job: &J, options: Enqueue) -> Answer {
    match db.tx(async |tx: Tx| ::jobs::enqueue(&tx, job, options.clone()).await).await {
        Ok(enqueued) if enqueued.created => Answer::Committed(enqueued.id.0),
        Ok(_) => Answer::Refused,
        Err(problem) if problem.is(&kinds::UNAVAILABLE) => Answer::Unknown,
        Err(problem) => panic!("a job was refused: {problem}"),
    }
}

impl Api {
    /// Runs the schedule with these arguments.
    async fn run(&self, job: &Noop, web: usize) -> Answer {
        let url = format!("{}/api/v1/schedules/{}/trigger", self.webs[web], self.schedule);
        let body = serde_json::json!({ "payload": job });
        let Ok(answer) = self.http.post(url).bearer_auth(&self.token).json(&body).send().await else {
            return Answer::Unknown;
        };
        let status = answer.status().as_u16();
        let body: serde_json::Value = answer.json().await.unwrap_or_default();
        match (status, body["execution_id"].as_str().and_then(|id| id.parse().ok())) {
            (202, Some(id)) => Answer::Committed(id),
            (202 | 500.., _) => Answer::Unknown,
            _ => panic!("the API refused a run: {status} {body}"),
        }
    }
}

/// Enqueues a job of its own until that is accepted, and waits until it is done; `None` when that takes too long.
pub async fn probe(producer: &Db, patience: Duration) -> Option<Duration> {
    let began = std::time::Instant::now();
    let job = Noop { effect: Some(Effect::Row), ..Noop::default() };
    let mut id = None;
    while began.elapsed() < patience {
        match id {
            None => {
                if let Answer::Committed(new) = enqueue(producer, &job, Enqueue::now().priority(6)).await {
                    id = Some(new);
                    continue;
                }
            }
            Some(id) => {
                let found = ::jobs::executions::find(producer, id.into()).await;
                if found.ok().flatten().is_some_and(|execution| execution.state == "succeeded") {
                    return Some(began.elapsed());
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}
