//! One engine, statement by statement: for tests that interleave several of them and compare the rows with a model.

use std::{sync::Arc, time::Duration};

use kernel::Result;
use serde_json::json;
use store::{Db, Floor};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    attempt::Attempt,
    claim::{Claimed, Claims},
    finish::{Counts, End, Finish, Finisher, Recorded},
    leases::{Lease, Leases},
    sweeper::{self, Tickets},
};

/// The statements of one engine, each on its own. Nothing happens in the background.
pub struct Steps {
    db: Db,
    claims: Claims,
    finisher: Finisher,
    leases: Leases,
    lease: Duration,
}

/// An attempt in the hands of a worker, as its claim was answered.
pub struct InHand {
    claimed: Arc<Claimed>,
    lease: Lease,
}

impl InHand {
    /// The lease that its claim wrote.
    pub fn lease_id(&self) -> Uuid {
        self.claimed.lease_id
    }

    /// 1 for the first.
    pub fn attempt(&self) -> i32 {
        self.claimed.attempt
    }
}

impl Steps {
    /// The steps of a new process over `db`.
    pub fn new(db: Db, lease: Duration) -> Self {
        let claims = Claims::new(db.clone(), Uuid::now_v7(), lease);
        Self { claims, finisher: Finisher::new(db.clone()), leases: Leases::default(), lease, db }
    }

    /// Claims an execution, if it can be.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn claim(&self, id: Uuid) -> Result<Option<InHand>> {
        let claimed = self.claims.claim(id).await?;
        let hold = |claimed: Claimed| InHand {
            lease: self.leases.hold(claimed.id, claimed.lease_id),
            claimed: Arc::new(claimed),
        };
        Ok(claimed.map(hold))
    }

    /// The attempt as a job gets it, to commit by.
    pub fn attempt(&self, held: &InHand) -> Attempt {
        let deadline = held.claimed.started_at + self.lease;
        Attempt::new(held.claimed.clone(), self.db.clone(), deadline, CancellationToken::new())
    }

    /// Records success; `false` when the lease is another's.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn succeed(&self, held: &InHand) -> Result<bool> {
        self.finish(held, End::Succeeded { result: json!(null), message: String::new() }).await
    }

    /// Records a failure, with another attempt after `wait` unless it was the last one; `false` when the lease is another's.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn fail(&self, held: &InHand, wait: Duration) -> Result<bool> {
        let error = json!({ "attempt": held.attempt() });
        let end = if held.attempt() >= held.claimed.max_attempts {
            End::Failed { error }
        } else {
            End::Again { run_at: self.db.clock().now() + wait, error: Some(error), counts: Counts::Yes }
        };
        self.finish(held, end).await
    }

    async fn finish(&self, held: &InHand, end: End) -> Result<bool> {
        let (id, lease_id) = (held.claimed.id, held.claimed.lease_id);
        let finish = Finish { id, lease_id, at: self.db.clock().now(), end };
        Ok(self.finisher.finish(finish).await? == Recorded::Yes)
    }

    /// Renews every lease in hand.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn renew(&self) -> Result<()> {
        self.leases.renew(&self.db, self.lease).await
    }

    /// Whether a renewal has found that the lease is another's.
    pub fn knows_it_is_lost(&self, held: &InHand) -> bool {
        held.lease.why().is_some()
    }

    /// Takes rows whose lease has run out from their workers; returns which are queued again.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn rescue(&self) -> Result<Vec<Uuid>> {
        let tickets = sweeper::sweep(&self.db, &Floor::default(), Tickets::Pushed).await?;
        Ok(tickets.into_iter().map(|ticket| ticket.id).collect())
    }
}
