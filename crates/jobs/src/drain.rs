//! Running what is due right here: the real runner without the wire, for tests that move the clock instead of waiting.

use std::time::Duration;

use kernel::{Result, Rng};
use store::{Db, Floor, Sql};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    claim::Claims,
    finish::Finisher,
    job::Queue,
    leases::Leases,
    registry::Registry,
    runner::{Parts, Runner},
    sweeper::{self, Tickets},
    wire::{Locks, Patience, Wire},
};

/// Runs due executions one after the other.
pub struct Drain {
    runner: Runner,
    db: Db,
}

/// More rounds than this mean jobs that enqueue each other for ever.
const MOST: usize = 10_000;

impl Drain {
    /// A drain over `db`; exclusive jobs take their lock in `redis`.
    ///
    /// # Errors
    /// `internal-error` when the Redis URL cannot be parsed.
    pub fn new(db: Db, redis: &config::Redis, registry: Registry, rng: Rng) -> Result<Self> {
        let lease = Duration::from_secs(30);
        let process = Uuid::now_v7();
        let runner = Runner::new(Parts {
            claims: Claims::new(db.clone(), process, lease),
            finisher: Finisher::new(db.clone()),
            leases: Leases::default(),
            locks: Locks::new(Wire::lazy(redis, Patience::Long)?, lease),
            pusher: None,
            permits: Queue::ALL.map(|_| Semaphore::new(1)),
            closing: CancellationToken::new(),
            busy: TaskTracker::new(),
            process,
            registry,
            rng,
            db: db.clone(),
        });
        Ok(Self { runner, db })
    }

    /// Runs what is due now, and what that makes due, until nothing is. Returns how many attempts ran.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away; `internal-error` when it does not come to an end.
    pub async fn run_due(&self) -> Result<usize> {
        for ran in 0..MOST {
            sweeper::sweep(&self.db, &Floor::default(), Tickets::Left).await?;
            let now = self.db.clock().now();
            let Some(id) = self.db.conn().scalar::<Uuid, _>(NEXT, [now.into()]).await? else {
                return Ok(ran);
            };
            self.runner.run_one(id).await?;
        }
        Err(kernel::Problem::internal("the queue does not become empty"))
    }
}

const NEXT: &str = "
select id from executions where state = 'queued' and run_at <= $1
  and (schedule_id is null or execution_may_start(id, schedule_id))
order by priority desc, run_at, id limit 1";
