//! Looking at a lane from outside: its executions, and waiting for something to become true.

use std::time::{Duration, Instant};

use jobs::{
    Enqueue, Job, enqueue,
    executions::{self, Execution},
};
use kernel::ExecutionId;
use sea_orm::Value;
use store::{Sql, Tx};

use super::Lane;

const POLL: Duration = Duration::from_millis(20);

impl Lane {
    /// Enqueues a job without pushing its ticket, as the CLI does: a relay finds it.
    pub async fn enqueue<J: Job>(&self, job: &J, options: Enqueue) -> ExecutionId {
        let enqueued = self.db().tx(async |tx: Tx| enqueue(&tx, job, options.clone()).await).await;
        enqueued.expect("Postgres answers").id
    }

    /// One execution; `None` while Postgres is away, too.
    pub async fn execution(&self, id: ExecutionId) -> Option<Execution> {
        executions::find(self.db(), id).await.ok().flatten()
    }

    /// Waits until the execution is in `state`.
    pub async fn wait_for(&self, id: ExecutionId, state: &str, patience: Duration) -> Execution {
        let began = Instant::now();
        loop {
            let found = self.execution(id).await;
            match found {
                Some(execution) if execution.state == state => return execution,
                found if began.elapsed() > patience => panic!("{id} is not {state} after {patience:?}: {found:#?}"),
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Waits until `look` says yes.
    #[track_caller]
    pub fn eventually<F>(&self, patience: Duration, look: F) -> impl Future<Output = ()>
    where
        F: AsyncFn() -> bool,
    {
        let place = std::panic::Location::caller();
        async move {
            let began = Instant::now();
            while !look().await {
                assert!(began.elapsed() < patience, "still not so after {patience:?}, at {place}");
                tokio::time::sleep(POLL).await;
            }
        }
    }

    /// The number that a query answers.
    pub async fn count(&self, sql: &'static str, values: impl IntoIterator<Item = Value> + Send) -> i64 {
        let count: Option<i64> = self.db().conn().scalar(sql, values).await.expect("Postgres answers");
        count.expect("a number")
    }
}
