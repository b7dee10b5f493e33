//! The leases that this process holds: renewed together, cancelled when they are lost or asked to be.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Problem, Result, kinds};
use store::Db;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::tasks;

/// Why an attempt is asked to stop. The first reason counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Somebody cancelled the execution.
    Asked,
    /// Another worker has it now.
    Lost,
    /// The lock that keeps runs of its kind apart is gone.
    LockLost,
    /// This process is stopping.
    Shutdown,
}

/// An execution and the lease of one attempt at it: a process may hold two of one execution, an old one that has not
/// noticed its end and a new one.
type Key = (Uuid, Uuid);

#[derive(Default)]
struct Held {
    cancel: CancellationToken,
    why: Option<Stop>,
}

impl Held {
    fn stop(&mut self, why: Stop) {
        self.why.get_or_insert(why);
        self.cancel.cancel();
    }
}

/// The running attempts of this process.
#[derive(Clone, Default)]
pub(crate) struct Leases {
    held: Arc<Mutex<HashMap<Key, Held>>>,
    /// Woken when somebody says that one was asked to stop.
    rumour: Arc<Notify>,
}

/// A lease that is held and renewed until it is released, or dropped.
pub(crate) struct Lease {
    leases: Leases,
    key: Key,
    cancel: CancellationToken,
}

impl Lease {
    /// Tells the attempt to stop.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Why the attempt was asked to stop, if it was.
    pub fn why(&self) -> Option<Stop> {
        self.leases.map().get(&self.key).and_then(|held| held.why)
    }

    /// Asks this attempt to stop.
    pub fn stopper(&self) -> impl Fn(Stop) + Send + 'static {
        let (leases, key) = (self.leases.clone(), self.key);
        move |why| leases.stop_one(key, why)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.map().remove(&self.key);
    }
}

impl Leases {
    fn map(&self) -> MutexGuard<'_, HashMap<Key, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts to hold a lease.
    pub fn hold(&self, id: Uuid, lease_id: Uuid) -> Lease {
        let held = Held::default();
        let cancel = held.cancel.clone();
        self.map().insert((id, lease_id), held);
        Lease { leases: self.clone(), key: (id, lease_id), cancel }
    }

    /// Somebody says that an execution was asked to stop. Whoever can write to Redis can say so; what counts is what Postgres
    /// holds, and it is looked up now.
    pub fn look_up(&self, id: Uuid) {
        if self.map().keys().any(|key| key.0 == id) {
            self.rumour.notify_one();
        }
    }

    fn stop_one(&self, key: Key, why: Stop) {
        if let Some(held) = self.map().get_mut(&key) {
            held.stop(why);
        }
    }

    /// Asks every attempt to stop.
    pub fn stop_all(&self, why: Stop) {
        self.map().values_mut().for_each(|held| held.stop(why));
    }

    /// Renews every lease, three times in its duration and when there is a rumour, until `until` is cancelled.
    pub async fn keep(self, db: Db, lease: Duration, until: CancellationToken) {
        let mut wait = lease / 3;
        let next = |wait| tokio::time::timeout(wait, self.rumour.notified());
        while until.run_until_cancelled(next(wait)).await.is_some() {
            // A renewal that hangs or fails must leave time for another one before the leases run out.
            let renewed = tokio::time::timeout(lease / 3, self.renew(&db, lease)).await;
            let slow = |_| Err(Problem::new(&kinds::UNAVAILABLE).detail("Postgres took too long"));
            wait = match renewed.unwrap_or_else(slow) {
                Ok(()) => lease / 3,
                Err(problem) => {
                    tracing::warn!(%problem, "leases could not be renewed");
                    lease / 12
                }
            };
        }
    }

    /// Renews every lease, and asks the attempts to stop whose lease is lost.
    pub async fn renew(&self, db: &Db, lease: Duration) -> Result<()> {
        let (ids, lease_ids): (Vec<Uuid>, Vec<Uuid>) = self.map().keys().copied().unzip();
        if ids.is_empty() {
            return Ok(());
        }
        let until = db.clock().now() + lease;
        let renew = sqlx::query_as(RENEW).bind(&ids).bind(&lease_ids).bind(until).fetch_all(db.pool());
        let running: Vec<(Uuid, Uuid, bool)> = tasks::bounded(renew).await?;
        let running: HashMap<Key, bool> = running.into_iter().map(|(id, lease, asked)| ((id, lease), asked)).collect();
        for key in ids.into_iter().zip(lease_ids) {
            match running.get(&key) {
                Some(true) => self.stop_one(key, Stop::Asked),
                Some(false) => {}
                // If it has just finished, it is not held any more either.
                None => self.stop_one(key, Stop::Lost),
            }
        }
        Ok(())
    }
}

/// A row that is locked is left out: whoever holds it is committing this very attempt, and the sweeper leaves it alone
/// too. Waiting for it would let the other leases run out.
const RENEW: &str = "
with held as (
    select * from unnest($1::uuid[], $2::uuid[]) as h (id, lease_id)
), free as (
    select e.id from executions e join held h on h.id = e.id and h.lease_id = e.lease_id
    order by e.id for update of e skip locked
), renewed as (
    update executions e set lease_until = $3 from free where e.id = free.id
)
select e.id, e.lease_id, e.cancel_requested_at is not null
from executions e join held h on h.id = e.id and h.lease_id = e.lease_id";
