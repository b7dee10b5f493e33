//! Jobs of every sort, at a steady rate, whatever goes wrong.

use std::time::Duration;

use ::jobs::{Effect, Enqueue, Job, Noop, Trouble};
use kernel::{Rng, kinds};
use schedules::DeleteOldExecutions;
use store::{Db, Tx};
use testkit::Lane;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Answer, Told, api::Api};

/// Enqueues that may wait for an answer; when more do, the load waits too.
const AT_ONCE: usize = 100;
/// How many keys the unique jobs share.
const KEYS: f64 = 5.0;

/// What produces jobs.
#[derive(Clone)]
pub struct Load {
    /// As web does it: with tickets.
    producer: Db,
    /// As the CLI does it: without.
    silent: Db,
    told: Told,
    api: Api,
    rng: Rng,
}

/// One job, as chance has it.
struct Draw {
    /// In the order in which they are drawn.
    number: usize,
    /// Which sort.
    sort: f64,
    /// How long it takes or waits.
    size: f64,
    /// Which key, if it has one.
    key: f64,
}

impl Load {
    /// Jobs by way of `schedule` over HTTP, and of the lane's database; the seed makes them.
    pub async fn new(lane: &Lane, producer: Db, schedule: Uuid, seed: u64) -> Self {
        // Not the chance of the script, which has the same seed.
        let rng = Rng::seeded(!seed);
        let api = Api::new(lane, schedule).await;
        Self { producer, silent: lane.db().clone(), told: Told::default(), api, rng }
    }

    /// What its producers were told.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// Enqueues `rate` jobs a second until `stop`; returns when each has been answered.
    pub async fn run(self, rate: u32, stop: CancellationToken) {
        let mut beat = tokio::time::interval(Duration::from_secs(1) / rate);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut open = JoinSet::new();
        let mut number = 0;
        while stop.run_until_cancelled(beat.tick()).await.is_some() {
            number += 1;
            let [sort, size, key] = std::array::from_fn(|_| self.rng.unit());
            open.spawn(self.clone().one(Draw { number, sort, size, key }));
            while open.len() > AT_ONCE {
                open.join_next().await.unwrap().unwrap();
            }
            while let Some(ended) = open.try_join_next() {
                ended.unwrap();
            }
        }
        open.join_all().await;
    }

    async fn one(self, Draw { number, sort, size, key }: Draw) {
        let marker = format!("torture-{number}");
        let of = |most: f64| Duration::from_millis((size * most) as u64);
        let drill = |most: f64| Noop {
            sleep_ms: Some(of(most).as_millis() as u64),
            effect: Some(Effect::Row),
            padding: Some(marker.clone()),
            ..Noop::default()
        };
        let trouble = |trouble| Noop { fail: Some(trouble), ..drill(20.0) };
        // Two of one key do not wait at the same time.
        let unique = || Noop { key: Some(format!("key-{}", (key * KEYS) as u32)), ..drill(200.0) };
        let now = Enqueue::now;
        let asked_at = self.silent.clock().now();
        let answer = match (sort * 100.0) as u32 {
            0..30 => enqueue(&self.producer, &drill(50.0), now()).await,
            30..36 => enqueue(&self.silent, &drill(50.0), now()).await,
            36..50 => enqueue(&self.producer, &drill(20.0), Enqueue::after(of(2_000.0))).await,
            50..65 => enqueue(&self.producer, &drill(1_500.0), now()).await,
            65..73 => enqueue(&self.producer, &unique(), now()).await,
            73..77 => enqueue(&self.producer, &DeleteOldExecutions {}, now()).await,
            77..85 => enqueue(&self.producer, &trouble(Trouble::Once), now()).await,
            85..87 => enqueue(&self.producer, &trouble(Trouble::Fatal), now()).await,
            87..88 => enqueue(&self.producer, &trouble(Trouble::Panic), now().max_attempts(2)).await,
            88..90 => enqueue(&self.producer, &trouble(Trouble::Always), now().max_attempts(2)).await,
            _ => self.api.run(&drill(50.0), &marker, (size * 2.0) as usize).await,
        };
        self.told.note(&marker, answer, asked_at);
    }
}

async fn enqueue<J: Job>(db: &Db, job: &J, options: Enqueue) -> Answer {
    match db.tx(async |tx: Tx| ::jobs::enqueue(&tx, job, options.clone()).await).await {
        Ok(enqueued) if enqueued.created => Answer::Committed(enqueued.id.0),
        Ok(enqueued) => Answer::Refused { other: enqueued.id.0, key: job.unique_key().unwrap_or_default() },
        Err(problem) if problem.is(&kinds::UNAVAILABLE) => Answer::Unknown,
        Err(problem) => panic!("a job was refused: {problem}"),
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
