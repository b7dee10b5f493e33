//! The runner: from a ticket to a finished attempt.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::{FutureExt, future::join_all};
use kernel::{Clock, Problem, Rng, Trace};
use store::Db;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    attempt::Attempt,
    claim::{Claimed, Claims},
    finish::{End, Finish, Finisher, Recorded},
    job::{Backoff, Done, Failure, Overlap, Queue},
    leases::{Lease, Leases, Stop},
    metrics,
    outcome::{self, Moment, Outcome, Times},
    problems,
    registry::{KindInfo, Registry, Runnable},
    tasks,
    wire::{Locks, Pusher, Ticket},
};

/// How long an attempt that was asked to stop may take to return by itself.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// A ticket that arrives earlier than this before its time is left to the relay.
const MUCH_TOO_EARLY: Duration = Duration::from_secs(5);
/// The first and the longest pause between two claims while Postgres is away: six seconds in all.
const CLAIM_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(3_200));
/// The pause before an exclusive job looks again whether its lock is free.
const LOCK_PAUSE: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(1) };

/// Runs executions for one process.
#[derive(Clone)]
pub(crate) struct Runner(Arc<Parts>);

/// What a runner is made of.
pub(crate) struct Parts {
    pub db: Db,
    pub registry: Registry,
    pub rng: Rng,
    pub claims: Claims,
    pub finisher: Finisher,
    pub leases: Leases,
    pub locks: Locks,
    /// Who pushes the tickets of executions that are queued again.
    pub pusher: Option<Pusher>,
    pub permits: [Semaphore; Queue::ALL.len()],
    /// Cancelled at shutdown: nothing is claimed any more.
    pub closing: CancellationToken,
    /// The attempts under way, until their end is recorded. Closed from the start: it only counts.
    pub busy: TaskTracker,
    pub process: Uuid,
}

impl Runner {
    pub fn new(parts: Parts) -> Self {
        parts.busy.close();
        Self(Arc::new(parts))
    }

    fn clock(&self) -> &Clock {
        self.0.db.clock()
    }

    /// Runs what a ticket names; returns when all of it has ended.
    pub async fn deliver(&self, queue: Queue, executions: Vec<(Uuid, DateTime<Utc>)>) {
        join_all(executions.into_iter().map(|(id, due)| self.deliver_one(queue, id, due))).await;
    }

    async fn deliver_one(&self, queue: Queue, id: Uuid, due: DateTime<Utc>) {
        // Another machine's clock may run a little ahead; never start early. A ticket for much later is not one of ours.
        if let Ok(early) = (due - self.clock().now()).to_std() {
            if early > MUCH_TOO_EARLY {
                return;
            }
            tokio::time::sleep(early).await;
        }
        let permit = self.0.closing.run_until_cancelled(self.0.permits[queue as usize].acquire()).await;
        let Some(Ok(permit)) = permit else {
            return; // closing: its consumer gives the ticket back
        };
        let _busy = self.0.busy.token(); // from before the claim: shutdown must not overlook it
        if self.0.closing.is_cancelled() {
            return;
        }
        match self.claim(id).await {
            Ok(Some(claimed)) => self.attempt(claimed, Some(permit)).await,
            Ok(None) => metrics::stale_ticket(queue),
            Err(problem) => tracing::warn!(execution = %id, %problem, "not claimed; the relay will push it again"),
        }
    }

    /// Claims, waiting out a short absence of Postgres: the relay would look for a lost ticket much later only.
    async fn claim(&self, id: Uuid) -> kernel::Result<Option<Claimed>> {
        let mut pause = CLAIM_PAUSE.0;
        loop {
            let problem = match self.0.claims.claim(id).await {
                Err(problem) if pause <= CLAIM_PAUSE.1 && tasks::is_outage(&problem) => problem,
                claimed => return claimed,
            };
            if self.0.closing.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Err(problem);
            }
            pause *= 2;
        }
    }

    /// Claims and runs one execution; `false` when there was nothing to claim.
    pub async fn run_one(&self, id: Uuid) -> kernel::Result<bool> {
        let Some(claimed) = self.0.claims.claim(id).await? else {
            return Ok(false);
        };
        self.attempt(claimed, None).await;
        Ok(true)
    }

    /// `permit` is given back when the job has ended: the next one is claimed while this one's end is being recorded.
    async fn attempt(&self, claimed: Claimed, permit: Option<SemaphorePermit<'_>>) {
        let claimed = Arc::new(claimed);
        let runnable = self.0.registry.runnable(&claimed.kind);
        let unknown = KindInfo::unknown(&claimed.queue);
        let info = runnable.as_ref().map_or(unknown, |runnable| runnable.info());
        let lateness = (claimed.started_at - claimed.run_at).to_std().unwrap_or_default();
        metrics::started(info.queue, lateness);
        let lease = self.0.leases.hold(claimed.id, claimed.lease_id);
        let outcome = match runnable {
            Ok(runnable) => self.run(runnable, &claimed, &lease).await,
            Err(problem) => Outcome::Returned(Err(Failure::newer(problem))),
        };
        let moment = Moment { now: self.clock().now(), stop: lease.why(), chance: self.0.rng.unit() };
        drop((lease, permit));
        let end = outcome::decide(&claimed, info, outcome, moment, self.0.process);
        let times = Times { lateness, run: (moment.now - claimed.started_at).to_std().unwrap_or_default() };
        let name = outcome::name(end.as_ref(), moment.stop);
        metrics::finished(info.kind, info.queue, name, times.run);
        outcome::log(&claimed, name, outcome::error_text(end.as_ref()), times);
        if let Some(end) = end {
            let finish = Finish { id: claimed.id, lease_id: claimed.lease_id, at: moment.now, end };
            self.record(&claimed, info.queue, finish).await;
        }
    }

    async fn run(&self, runnable: Arc<dyn Runnable>, claimed: &Arc<Claimed>, lease: &Lease) -> Outcome {
        let info = runnable.info();
        let lock = match self.lock(info, claimed, lease).await {
            Ok(lock) => lock,
            Err(outcome) => return outcome,
        };
        let cancel = lease.cancel();
        let timeout = claimed.timeout(&info.policy);
        let deadline = claimed.started_at + timeout;
        let me = Attempt::new(claimed.clone(), self.0.db.clone(), deadline, cancel.clone());
        let span = tracing::info_span!("attempt", kind = info.kind, execution = %claimed.id, attempt = claimed.attempt);
        let trace = Trace {
            correlation_id: claimed.correlation_id.as_str().into(),
            traceparent: claimed.traceparent.as_deref().map(Into::into),
            request: None,
        };
        // The arguments are read inside the task as well, so that a panic there is the job's too.
        let job = AssertUnwindSafe(trace.scope(runnable.run(claimed.args.clone(), me))).catch_unwind();
        let outcome = supervise(tasks::spawn_job(job.instrument(span)), timeout, cancel).await;
        drop(lock);
        outcome
    }

    async fn lock(
        &self,
        info: KindInfo,
        claimed: &Claimed,
        lease: &Lease,
    ) -> Result<Option<crate::wire::Held>, Outcome> {
        if info.policy.overlap == Overlap::Allowed {
            return Ok(None);
        }
        let stop = lease.stopper();
        let held = self.0.locks.acquire(info.kind, claimed.lease_id.to_string(), move || stop(Stop::LockLost)).await;
        if let Ok(Some(held)) = held {
            return Ok(Some(held));
        }
        if let Err(problem) = held {
            tracing::warn!(kind = info.kind, %problem, "the exclusive lock cannot be taken; trying again");
        }
        Err(Outcome::Returned(Ok(Done::Snooze(LOCK_PAUSE.delay(1, self.0.rng.unit())))))
    }

    /// Records an end, and pushes the ticket of what is queued again.
    async fn record(&self, claimed: &Claimed, queue: Queue, finish: Finish) {
        let again = match &finish.end {
            End::Again { run_at, .. } => Some(*run_at),
            _ => None,
        };
        match self.0.finisher.finish(finish).await {
            Ok(Recorded::Yes) => {}
            Ok(Recorded::Cancelled) => return,
            Ok(Recorded::LeaseLost | Recorded::Locked) => {
                tracing::warn!(execution = %claimed.id, "the lease was lost; nothing was recorded");
                return;
            }
            Err(problem) => {
                tracing::error!(execution = %claimed.id, %problem, "the end was not recorded; it will run again");
                return;
            }
        }
        if let (Some(due), Some(pusher)) = (again, &self.0.pusher) {
            pusher.hand_over(Ticket { queue, id: claimed.id, due, priority: claimed.priority });
        }
    }

    /// Waits until nothing runs, at most `grace`; then asks what still runs to stop.
    pub async fn wind_down(&self, grace: Duration) {
        if tokio::time::timeout(grace, self.idle()).await.is_err() {
            tracing::warn!(running = self.0.busy.len(), "handing unfinished work back");
            self.0.leases.stop_all(Stop::Shutdown);
        }
    }

    /// Resolves when every attempt has ended and its end is recorded.
    pub async fn idle(&self) {
        self.0.busy.wait().await;
    }

    /// How many attempts have not ended.
    pub fn running(&self) -> usize {
        self.0.busy.len()
    }
}

type JobHandle = tokio::task::JoinHandle<std::thread::Result<Result<Done, Failure>>>;

/// Waits for the job's task: until it returns, its time is up, or it is asked to stop and does not.
async fn supervise(mut job: JobHandle, timeout: Duration, cancel: &CancellationToken) -> Outcome {
    let ended = tokio::select! {
        ended = &mut job => Some(ended),
        () = tokio::time::sleep(timeout) => {
            cancel.cancel();
            job.abort();
            return Outcome::Returned(Err(Failure::Retry {
                after: None,
                source: Problem::new(&problems::TIMED_OUT).detail(format!("it ran longer than {timeout:?}")),
            }));
        }
        () = cancel.cancelled() => tokio::time::timeout(STOP_GRACE, &mut job).await.ok(),
    };
    match ended {
        Some(Ok(Ok(returned))) => Outcome::Returned(returned),
        Some(Ok(Err(panic))) => {
            Outcome::Returned(Err(Failure::Retry { after: None, source: outcome::panicked(panic) }))
        }
        Some(Err(_)) | None => {
            job.abort();
            Outcome::Stopped
        }
    }
}
