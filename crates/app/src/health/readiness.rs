//! Whether this process may be given work, and why not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use kernel::{Kind, Problem};
use store::{Db, SchemaState};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::problems;

/// The longest that Postgres may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// An answer serves everybody who asks within this time, so that probes cannot load the database.
const SHARED_FOR: Duration = Duration::from_millis(500);
/// How often the schema is looked at until it is current.
const RECHECK: Duration = Duration::from_secs(2);

/// Why a process is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// It was asked to stop.
    Draining,
    /// Postgres does not answer.
    PostgresAway,
    /// This many migrations are missing.
    SchemaOlder(usize),
    /// It is still starting its parts.
    Starting,
}

impl NotReady {
    /// The reason, as shown to whoever asks.
    pub fn reason(&self) -> String {
        match self {
            Self::Draining => "the process is stopping".into(),
            Self::PostgresAway => "Postgres cannot be reached".into(),
            Self::SchemaOlder(missing) => {
                format!(
                    "the database schema is older than this program (migrations missing: {missing}); run `bookflow migrate`"
                )
            }
            Self::Starting => "the process is still starting".into(),
        }
    }

    /// As a 503.
    pub fn problem(&self) -> Problem {
        let kind: &'static Kind = match self {
            Self::Draining => &problems::SHUTTING_DOWN,
            Self::SchemaOlder(_) => &problems::SCHEMA_OUTDATED,
            Self::PostgresAway | Self::Starting => &problems::NOT_READY,
        };
        Problem::new(kind).detail(self.reason()).retry_after(RECHECK)
    }
}

/// The readiness of this process. Cheap to clone.
#[derive(Clone)]
pub struct Readiness(Arc<Inner>);

struct Inner {
    db: Db,
    draining: CancellationToken,
    started: AtomicBool,
    schema_current: AtomicBool,
    last: Mutex<Option<(Instant, Result<(), NotReady>)>>,
}

impl Readiness {
    /// Not ready until [`Readiness::started`]; never again once `draining` is cancelled.
    pub fn new(db: Db, draining: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            db,
            draining,
            started: AtomicBool::new(false),
            schema_current: AtomicBool::new(false),
            last: Mutex::default(),
        }))
    }

    /// Everything that the process needs has been started.
    pub fn started(&self) {
        self.0.started.store(true, Relaxed);
    }

    /// Whether the process may be given work now.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<(), NotReady> {
        if self.0.draining.is_cancelled() {
            return Err(NotReady::Draining);
        }
        self.database().await?;
        if self.0.started.load(Relaxed) { Ok(()) } else { Err(NotReady::Starting) }
    }

    /// Whether Postgres answers and its schema is current; asked once for all who want to know at the same time.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn database(&self) -> Result<(), NotReady> {
        let mut last = self.0.last.lock().await;
        if let Some((at, outcome)) = &*last
            && at.elapsed() < SHARED_FOR
        {
            return outcome.clone();
        }
        let outcome = self.ask().await;
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }

    async fn ask(&self) -> Result<(), NotReady> {
        let schema = timeout(PATIENCE, self.0.db.schema()).await;
        let current = match schema {
            Ok(Ok(SchemaState::Current)) => Ok(()),
            Ok(Ok(SchemaState::Older { missing })) => Err(NotReady::SchemaOlder(missing)),
            Ok(Err(_)) | Err(_) => Err(NotReady::PostgresAway),
        };
        if !matches!(current, Err(NotReady::PostgresAway)) {
            self.0.schema_current.store(current.is_ok(), Relaxed);
        }
        current
    }

    /// Refuses until the schema has been seen to be current. Costs nothing once it has.
    ///
    /// # Errors
    /// `schema-outdated` or `not-ready`, with the reason.
    pub async fn gate(&self) -> Result<(), Problem> {
        if self.0.schema_current.load(Relaxed) {
            return Ok(());
        }
        self.database().await.map_err(|reason| reason.problem())
    }

    /// Waits until the schema is current; says in the log what it waits for.
    pub async fn schema_current(&self) {
        let mut told = None;
        while let Err(reason) = self.database().await {
            if told.as_ref() != Some(&reason) {
                tracing::warn!(reason = reason.reason(), "not ready yet");
                told = Some(reason);
            }
            sleep(RECHECK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> Readiness {
        let database = config::Database {
            url: kernel::Secret::new("postgres://nobody@127.0.0.1:1/none".into()),
            max_connections: 4,
            statement_cache: 0,
        };
        Readiness::new(Db::lazy(&database, kernel::Clock::system()).unwrap(), CancellationToken::new())
    }

    #[tokio::test]
    async fn without_postgres_it_is_not_ready_and_says_why() {
        let readiness = away();
        readiness.started();
        assert_eq!(readiness.check().await, Err(NotReady::PostgresAway));
        let refused = readiness.gate().await.unwrap_err();
        assert!(refused.is(&problems::NOT_READY));
        assert_eq!(refused.detail_text(), Some("Postgres cannot be reached"));
    }

    #[tokio::test]
    async fn a_stopping_process_is_not_ready_whatever_postgres_says() {
        let readiness = away();
        readiness.0.draining.cancel();
        assert_eq!(readiness.check().await, Err(NotReady::Draining));
    }
}
