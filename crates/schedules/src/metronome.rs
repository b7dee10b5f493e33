//! The metronome: apalis-cron beats once a second, each beat is a tick. The only module that names apalis-cron.

use std::{pin::pin, time::Duration};

use apalis_cron::{CronScheduler, Schedule, Tick, timezone::Utc};
use futures::StreamExt;
use jobs::Registry;
use kernel::Clock;
use store::{Db, Floor};
use tokio_util::sync::CancellationToken;

use crate::{gauges, tick::tick};

/// A difference to the database's second below this is not worth correcting.
const CLOSE: Duration = Duration::from_millis(20);

/// Ticks every second until it is stopped.
pub struct Metronome {
    stop: CancellationToken,
    failed: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Metronome {
    /// Starts ticking. Needs no Postgres yet: a tick that fails is tried again in the next second.
    pub fn start(db: Db, registry: Registry) -> Self {
        let (stop, failed) = (CancellationToken::new(), CancellationToken::new());
        let (until, guard) = (stop.clone(), failed.clone().drop_guard());
        #[allow(clippy::disallowed_methods)] // this task's end is watched: see `failed`
        let task = tokio::spawn(async move {
            tokio::join!(beat(&db, &registry, &until), watch(&db, &until));
            if until.is_cancelled() {
                guard.disarm();
            }
        });
        Self { stop, failed, task }
    }

    /// Resolves when the metronome ended by itself, which is a crash.
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Stops it, at most a second later. A tick under way is finished.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(1), self.task).await;
    }
}

/// The next whole second. apalis-cron's own parser is not used: ours decides what is due, in `tick`.
struct EverySecond(Clock);

impl Schedule<Utc> for EverySecond {
    fn next_tick(&mut self, _: &Utc) -> Option<Tick<Utc>> {
        u64::try_from(self.0.machine_now().timestamp() + 1).ok().map(Tick::new)
    }
}

/// How often the gauges are read; the schedules are counted every fourth time.
const WATCH: Duration = Duration::from_secs(15);

async fn watch(db: &Db, stop: &CancellationToken) {
    for round in 0_u64.. {
        let count = async { if round % 4 == 0 { gauges::count(db).await } else { Ok(()) } };
        if let Err(problem) = gauges::gauge(db).await.and(count.await) {
            tracing::debug!(%problem, "the gauges of schedules are not current");
        }
        if stop.run_until_cancelled(tokio::time::sleep(WATCH)).await.is_none() {
            return;
        }
    }
}

async fn beat(db: &Db, registry: &Registry, stop: &CancellationToken) {
    let floor = Floor::default();
    while !stop.is_cancelled() {
        // The stream ends (`OutOfRange`) when a tick takes longer than a second: then it is simply set up again.
        let mut beats = pin!(CronScheduler::new(EverySecond(db.clock().clone())).into_stream());
        while let Some(Some(Ok(_))) = stop.run_until_cancelled(beats.next()).await {
            tokio::time::sleep(until_whole_second(db.clock())).await;
            let began = tokio::time::Instant::now();
            match tick(db, registry, &floor).await {
                Ok(ticked) if ticked.due > 0 => {
                    crate::metrics::ticked(began.elapsed(), ticked.written);
                    let took_us = began.elapsed().as_micros() as u64;
                    tracing::debug!(due = ticked.due, written = ticked.written, took_us, "tick");
                }
                Ok(_) => {}
                Err(problem) => tracing::warn!(%problem, "no tick in this second"),
            }
        }
    }
}

/// The beats are whole seconds of this machine; due times are whole seconds of the database.
fn until_whole_second(clock: &Clock) -> Duration {
    let into = Duration::from_nanos(u64::from(clock.now().timestamp_subsec_nanos()) % 1_000_000_000);
    if into < CLOSE || Duration::from_secs(1).saturating_sub(into) < Duration::from_millis(1) {
        Duration::ZERO
    } else {
        Duration::from_secs(1).saturating_sub(into)
    }
}
