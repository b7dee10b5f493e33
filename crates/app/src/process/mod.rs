//! The life of a process: start, serve, stop in order.
//!
//! The first signal asks: readiness turns 503, nothing new is taken on, what runs is finished or handed back, streams
//! end, exit 0. A part that ends by itself is a crash: the rest stops in order, exit 1. A second signal does not wait.

mod cautions;
mod components;
mod listener;
mod signals;
mod work;

use std::time::Duration;

use kernel::{Problem, Result};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::{
    components::Components,
    listener::{Server, bind},
    signals::Signals,
    work::Work,
};
use crate::{
    Parts, Role, engine,
    health::{Health, Readiness},
    router::{self, Surroundings},
    tasks::{Tasks, Watch},
    telemetry::Metrics,
};

/// Requests that arrive this long after readiness turned 503 are still answered: whoever routes to us has to notice.
const LAME_DUCK: Duration = Duration::from_millis(250);
/// What a stop needs after the drain, to hand back leases and to write down that it ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs a process of `parts` in `role` until it is told to stop.
///
/// # Errors
/// In words for a person, when it cannot start or one of its parts ended by itself.
pub async fn run(role: Role, parts: Parts) -> Result<()> {
    let mut signals = Signals::listen()?;
    let mut process = Process::start(role, parts).await?;
    let outcome = tokio::select! {
        signal = signals.next() => Ok(signal),
        problem = process.failed() => Err(problem),
    };
    match &outcome {
        Ok(signal) => tracing::info!(role = role.name(), signal = signal.name(), "stopping"),
        Err(problem) => tracing::error!(role = role.name(), problem = %problem, "crashed"),
    }
    signals.unless_again(process.stop()).await;
    tracing::info!(role = role.name(), "stopped");
    outcome.map(drop)
}

/// Everything that runs.
struct Process {
    parts: Parts,
    readiness: Readiness,
    draining: CancellationToken,
    components: Components,
    server: Server,
    work: Work,
}

impl Process {
    async fn start(role: Role, parts: Parts) -> Result<Self> {
        let metrics = Metrics::install(role, parts.db.clock())?;
        let draining = CancellationToken::new();
        let readiness = Readiness::new(parts.db.clone(), draining.clone());
        let around = Surroundings {
            health: Health::new(role, parts.clone(), readiness.clone())?,
            readiness: readiness.clone(),
            metrics: metrics.clone(),
            draining: draining.clone(),
        };
        let mut components = Components::default();
        components.start("metrics", metrics.keep());
        let http = &parts.config.http;
        let (listener, router) = match role {
            Role::Web => {
                let listener = bind(http, http.port, "PORT").await?;
                engine::attach_pusher(&parts)?;
                let watch = Watch::new(parts.db.clone());
                components.start("task watch", watch.clone().run());
                let tasks = Tasks::new(parts.clone(), watch, draining.clone());
                (listener, router::web(&parts, tasks, around))
            }
            Role::Worker => {
                let listener = bind(http, http.worker_port, "WORKER_PORT").await?;
                (listener, router::worker(&parts, around))
            }
        };
        for caution in cautions::of(&parts.config) {
            tracing::warn!("{caution}");
        }
        tracing::info!(role = role.name(), version = crate::VERSION, address = %listener.local_addr()?, "listening");
        let (server, work) = (Server::start(listener, router), Work::new(role, &parts));
        Ok(Self { parts, readiness, draining, components, server, work })
    }

    /// Runs the role's work, and waits until something ends by itself.
    async fn failed(&mut self) -> Problem {
        tokio::select! {
            problem = self.components.failed() => problem,
            problem = self.server.failed() => problem,
            problem = self.work.run(&self.parts, &self.readiness) => problem,
        }
    }

    /// Stops in order, within the grace.
    async fn stop(self) {
        let grace = self.parts.config.shutdown_grace;
        let deadline = Instant::now() + grace.saturating_sub(LAST_WORDS).max(grace / 2);
        self.draining.cancel();
        let left = || deadline.saturating_duration_since(Instant::now());
        sleep(LAME_DUCK.min(left())).await;
        // The worker answers probes while it drains; web has nothing to drain but its requests.
        let (server, work) = (self.server, self.work);
        match work.role() {
            Role::Web => {
                server.stop(left()).await;
                work.stop(left()).await;
            }
            Role::Worker => {
                work.stop(left()).await;
                server.stop(LAST_WORDS / 2).await;
            }
        }
    }
}
