//! The engine's and the schedules' lifecycle, as the processes drive it.

use std::time::Duration;

use jobs::{Engine, Process, Pusher, Setup};
use kernel::{Problem, Result};
use schedules::Metronome;

use crate::{Parts, Role, modules};

/// A process's line in `processes`. Its heartbeat keeps the clock at the database's time.
pub type Presence = Process;

/// Begins the heartbeat; the process is written down once Postgres is there.
pub fn register(parts: &Parts, role: Role) -> Presence {
    Process::start(&parts.db, role.name(), crate::VERSION)
}

/// Makes this process push the tickets of what it enqueues, right after the commit.
///
/// # Errors
/// `internal-error` when the URL of Redis cannot be parsed.
pub fn attach_pusher(parts: &Parts) -> Result<()> {
    Pusher::new(parts.db.clone(), &parts.config.redis)?.attach();
    Ok(())
}

/// The engine and the schedules at work.
pub struct Running {
    engine: Engine,
    metronome: Metronome,
}

/// Declares the recurring jobs, and starts to run jobs.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn start(parts: &Parts, presence: &Presence) -> Result<Running> {
    // Before anything looks at leases or due times.
    parts.db.clock().set_skew(jobs::measure_skew(&parts.db).await?);
    let registry = modules::registry(parts);
    schedules::upsert_declared(&parts.db, &modules::recurring(), &registry).await?;
    let engine = Engine::start(Setup {
        db: parts.db.clone(),
        redis: parts.config.redis.clone(),
        engine: parts.config.engine.clone(),
        registry: registry.clone(),
        rng: parts.rng.clone(),
        process: presence.id,
    })?;
    let metronome = Metronome::start(parts.db.clone(), registry);
    Ok(Running { engine, metronome })
}

impl Running {
    /// Waits until a part ends by itself, and says how.
    pub async fn failed(&mut self) -> Problem {
        tokio::select! {
            () = self.engine.failed() => Problem::internal("a part of the engine ended by itself; the log says which"),
            () = self.metronome.failed() => Problem::internal("the metronome ended by itself"),
        }
    }

    /// Takes on nothing new, waits `grace` for what runs, and hands the rest back.
    pub async fn stop(self, grace: Duration) {
        self.metronome.stop().await;
        self.engine.stop(grace).await;
    }
}
