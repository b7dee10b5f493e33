//! What a process does besides listening: it says that it is alive, and the worker runs the engine and the schedules.

use std::time::Duration;

use kernel::{Problem, Result, kinds};
use tokio::time::{Instant, sleep, timeout};

use crate::{Parts, Role, engine, health::Readiness};

/// The first wait after a failed start; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest wait between two starts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A start that fails for another reason than an outage is a crash after this long, and no sooner.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest that writing down the end may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The work of one process.
pub struct Work {
    role: Role,
    presence: engine::Presence,
    running: Option<engine::Running>,
}

impl Work {
    /// Says that the process is alive; nothing else is started yet.
    pub fn new(role: Role, parts: &Parts) -> Self {
        Self { role, presence: engine::register(parts, role), running: None }
    }

    /// The role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Waits for the database and its schema, starts everything, and waits until a part of it ends by itself.
    pub async fn run(&mut self, parts: &Parts, readiness: &Readiness) -> Problem {
        if self.role == Role::Web {
            readiness.started(); // requests need nothing of what follows
        }
        readiness.schema_current().await;
        if let Err(problem) = self.start(parts).await {
            return problem;
        }
        readiness.started();
        tracing::info!(role = self.role.name(), "ready");
        match &mut self.running {
            Some(running) => running.failed().await,
            None => std::future::pending().await,
        }
    }

    async fn start(&mut self, parts: &Parts) -> Result<()> {
        match self.role {
            Role::Web => persist("filling the catalogue", || books::seed(&parts.db)).await.map(drop),
            Role::Worker => {
                let running = persist("starting the engine", || engine::start(parts, &self.presence)).await?;
                self.running = Some(running);
                Ok(())
            }
        }
    }

    /// Stops within `grace`: what is not finished by then is handed back.
    pub async fn stop(self, grace: Duration) {
        if let Some(running) = self.running {
            running.stop(grace).await;
        }
        if timeout(LAST_WORDS, self.presence.stopped()).await.is_err() {
            tracing::warn!("the end of the process could not be written down in time");
        }
    }
}

/// Tries until it succeeds: through an outage for ever, through anything else for a minute.
async fn persist<T, F>(what: &'static str, attempt: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(problem) if !problem.is(&kinds::UNAVAILABLE) && began.elapsed() > PATIENCE => return Err(problem),
            Err(problem) => tracing::warn!(what, problem = %problem, "not done yet, trying again"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
