//! One poll of Postgres for everybody who watches a task in this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jobs::executions::{self, Execution};
use kernel::{ExecutionId, Result};
use store::Db;
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

/// How often the watched tasks are looked at.
const EVERY: Duration = Duration::from_millis(250);

/// What a watcher sees; `None` until the first look.
pub type Seen = Option<Arc<Execution>>;

/// The watched tasks of this process. Cheap to clone.
#[derive(Clone)]
pub struct Watch(Arc<Inner>);

struct Inner {
    db: Db,
    watched: Mutex<HashMap<ExecutionId, watch::Sender<Seen>>>,
    /// Fired when the first watcher comes.
    wanted: Notify,
}

impl Watch {
    /// Nobody watches yet.
    pub fn new(db: Db) -> Self {
        Self(Arc::new(Inner { db, watched: Mutex::default(), wanted: Notify::new() }))
    }

    /// Follows `id`: changes after each look, whether or not the task has changed.
    pub fn follow(&self, id: ExecutionId) -> watch::Receiver<Seen> {
        let mut watched = self.watched();
        let receiver = watched.entry(id).or_insert_with(|| watch::channel(None).0).subscribe();
        self.0.wanted.notify_one();
        receiver
    }

    /// Looks, for as long as somebody watches. Never ends.
    ///
    /// # Errors
    /// None: while Postgres is away nobody learns anything, and it is looked at again.
    pub async fn run(self) -> Result<()> {
        loop {
            let ids = self.still_watched();
            if ids.is_empty() {
                self.0.wanted.notified().await;
                continue;
            }
            match executions::find_many(&self.0.db, &ids).await {
                Ok(found) => self.tell(found),
                Err(problem) => tracing::debug!(%problem, "the watched tasks could not be looked at"),
            }
            sleep(EVERY).await;
        }
    }

    /// The tasks that somebody watches; the others are forgotten.
    fn still_watched(&self) -> Vec<ExecutionId> {
        let mut watched = self.watched();
        watched.retain(|_, sender| sender.receiver_count() > 0);
        watched.keys().copied().collect()
    }

    fn tell(&self, found: Vec<Execution>) {
        let watched = self.watched();
        for execution in found {
            if let Some(sender) = watched.get(&execution.id.into()) {
                sender.send_replace(Some(Arc::new(execution)));
            }
        }
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<ExecutionId, watch::Sender<Seen>>> {
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
