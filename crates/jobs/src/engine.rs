//! The engine of a worker process: everything that consumes, watches and repairs, started and stopped together.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use kernel::{Result, Rng};
use store::Db;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    claim::Claims,
    finish::Finisher,
    gauges::{Floors, gauge_forever},
    job::Queue,
    leases::Leases,
    registry::Registry,
    relay::relay_forever,
    runner::{Parts, Runner},
    sweeper::sweep_forever,
    tasks,
    wire::{Consumers, Locks, Patience, Pusher, Wakers, Wire, clean_forever, decode, listen, promote_forever},
};

/// The time kept back from the grace for handing work back.
const HAND_BACK: Duration = Duration::from_secs(4);

/// Connections for the engine's own statements: leases are renewed and ends are recorded however long the jobs keep theirs.
const CONNECTIONS: u32 = 6;

/// What an engine needs.
pub struct Setup {
    /// The database, by the connections that the jobs use; its clock is the engine's.
    pub db: Db,
    /// Where Redis is.
    pub redis: config::Redis,
    /// Lease and concurrency.
    pub engine: config::Engine,
    /// What can be run.
    pub registry: Registry,
    /// For jitter.
    pub rng: Rng,
    /// The id of this process ([`crate::Process`]).
    pub process: Uuid,
}

/// A running engine.
pub struct Engine {
    runner: Runner,
    pusher: Pusher,
    /// Stops fetching, claiming, pushing what was lost, and rescuing.
    closing: CancellationToken,
    /// Stops what must go on while work drains: leases, cancellations, cleaning.
    ending: CancellationToken,
    consumers: Vec<tokio::task::JoinHandle<()>>,
    failed: CancellationToken,
}

impl Engine {
    /// Starts every part. None of them needs Redis or Postgres to be there yet.
    ///
    /// # Errors
    /// `internal-error` when the Redis URL cannot be parsed.
    pub fn start(setup: Setup) -> Result<Self> {
        let (closing, ending, failed) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let wire = Wire::lazy(&setup.redis, Patience::Long)?;
        let pusher = Pusher::new(setup.db.clone(), &setup.redis)?;
        pusher.attach();
        let own = setup.db.beside(CONNECTIONS);
        let (leases, wakers, clock) = (Leases::default(), Wakers::default(), setup.db.clock().clone());
        let runner = Runner::new(Parts {
            claims: Claims::new(own.clone(), setup.process, setup.engine.lease),
            finisher: Finisher::new(own.clone()),
            leases: leases.clone(),
            locks: Locks::new(wire.clone(), setup.engine.lease),
            pusher: Some(pusher.clone()),
            permits: Queue::ALL.map(|queue| Semaphore::new(concurrency(&setup.engine, queue))),
            closing: closing.clone(),
            busy: TaskTracker::new(),
            process: setup.process,
            registry: setup.registry,
            rng: setup.rng,
            db: setup.db,
        });
        let watch = |name, ended: CancellationToken, work| component(name, ended, failed.clone(), work);
        let keep = leases.clone().keep(own.clone(), setup.engine.lease, ending.clone());
        watch("leases", ending.clone(), keep.boxed());
        let cancelled = move |id| leases.look_up(id);
        watch("wake-ups", ending.clone(), listen(wire.clone(), wakers.clone(), cancelled, ending.clone()).boxed());
        watch(
            "promotion",
            closing.clone(),
            promote_forever(wire.clone(), clock, wakers.clone(), closing.clone()).boxed(),
        );
        watch("cleaning", ending.clone(), clean_forever(wire.clone(), ending.clone()).boxed());
        let floors = Floors::default();
        let (queued, running) = ((own.clone(), floors.queued.clone()), (own.clone(), floors.running.clone()));
        watch("relay", closing.clone(), relay_forever(queued, wire.clone(), closing.clone()).boxed());
        let sweep = sweep_forever(running, setup.engine.lease, pusher.clone(), closing.clone());
        watch("sweeper", closing.clone(), sweep.boxed());
        watch("gauges", ending.clone(), gauge_forever(own, floors, ending.clone()).boxed());
        let deliver = {
            let runner = runner.clone();
            Arc::new(move |queue, payload: Vec<u8>| {
                let runner = runner.clone();
                async move { runner.deliver(queue, decode(&payload)).await }.boxed()
            })
        };
        let consumers = Consumers { wire, wakers, deliver, process: setup.process };
        let consumers = Queue::ALL.map(|queue| {
            let work = consumers.clone().consume(queue, concurrency(&setup.engine, queue), closing.clone());
            component("consumer", closing.clone(), failed.clone(), work.boxed())
        });
        Ok(Self { runner, pusher, closing, ending, consumers: consumers.into(), failed })
    }

    /// Resolves when a part ended by itself, which is a crash.
    pub async fn failed(&self) {
        tokio::select! {
            () = self.failed.cancelled() => {}
            () = tasks::panicked() => {}
        }
    }

    /// How many attempts are running.
    pub fn running(&self) -> usize {
        self.runner.running()
    }

    /// Stops fetching and claiming at once, lets running work finish within `grace`, hands the rest back so that another
    /// worker starts it without waiting for a lease.
    pub async fn stop(self, grace: Duration) {
        self.closing.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(1), futures::future::join_all(self.consumers)).await;
        let hand_back = HAND_BACK.min(grace / 2);
        self.runner.wind_down(grace.saturating_sub(hand_back)).await;
        if tokio::time::timeout(hand_back, self.runner.idle()).await.is_err() {
            tracing::warn!(running = self.runner.running(), "work is left to its leases");
        }
        self.pusher.flush().await;
        self.ending.cancel();
    }
}

fn concurrency(engine: &config::Engine, queue: Queue) -> usize {
    engine.concurrency.get(queue.name()).copied().unwrap_or(1)
}

/// Runs a part that must not end before `ended` is cancelled.
fn component(
    name: &'static str,
    ended: CancellationToken,
    failed: CancellationToken,
    work: futures::future::BoxFuture<'static, ()>,
) -> tokio::task::JoinHandle<()> {
    tasks::spawn(name, async move {
        let guard = failed.drop_guard(); // also when it panics
        work.await;
        if ended.is_cancelled() {
            guard.disarm();
        } else {
            tracing::error!(component = name, "ended by itself");
        }
    })
}
