//! Running jobs and schedules in a [`TestApp`], by moving its clock instead of waiting.

use app::modules;
use chrono::{DateTime, Utc};
use jobs::{
    Drain, Enqueue, Job, Registry,
    executions::{self, Execution, Filter},
};
use kernel::ExecutionId;
use schedules::Ticked;
use store::{Floor, Sql, Tx};

use crate::TestApp;

/// More steps than this mean work that never ends.
const MOST: usize = 1000;

const NEXT: &str = "select run_at from executions where state = 'queued' order by run_at limit 1";

impl TestApp {
    /// Every kind of job, as the worker has it.
    pub fn registry(&self) -> Registry {
        modules::registry(self.parts())
    }

    /// Runs what is due, with the real runner, until nothing is; returns how many attempts that were.
    pub async fn drain_jobs(&self) -> usize {
        let parts = self.parts();
        let drain = Drain::new(parts.db.clone(), &parts.config.redis, self.registry(), parts.rng.clone());
        drain.expect("a Redis URL").run_due().await.expect("the queue becomes empty")
    }

    /// Runs everything that waits, delayed work and retries too, moving the clock to each next due time.
    pub async fn drain_all_jobs(&self) -> usize {
        let mut ran = 0;
        for _ in 0..MOST {
            ran += self.drain_jobs().await;
            let next: Option<DateTime<Utc>> = self.db().conn().scalar(NEXT, []).await.expect("a look at the queue");
            let Some(next) = next else { return ran };
            self.clock().set(next.max(self.clock().now()));
        }
        panic!("the queue does not become empty")
    }

    /// Enqueues a job in a transaction of its own.
    pub async fn enqueue<J: Job>(&self, job: &J, options: Enqueue) -> ExecutionId {
        let enqueued = self.db().tx(async |tx: Tx| jobs::enqueue(&tx, job, options.clone()).await).await;
        enqueued.expect("Postgres answers").id
    }

    /// The executions of a kind, oldest first.
    pub async fn executions(&self, kind: &str) -> Vec<Execution> {
        let filter = Filter { kind: Some(kind.to_owned()), ..Filter::default() };
        let mut found = executions::list(self.db(), &filter, 10_000).await.expect("Postgres answers");
        found.reverse();
        found
    }

    /// One execution.
    pub async fn execution(&self, id: ExecutionId) -> Execution {
        executions::find(self.db(), id).await.expect("Postgres answers").expect("the execution exists")
    }

    /// Declares the recurring jobs, as a worker does when it starts.
    pub async fn declare_schedules(&self) {
        let declared = schedules::upsert_declared(self.db(), &modules::recurring(), &self.registry()).await;
        declared.expect("the declarations are valid");
    }

    /// One beat of the metronome.
    pub async fn tick(&self) -> Ticked {
        schedules::tick(self.db(), &self.registry(), &Floor::default()).await.expect("Postgres answers")
    }
}
