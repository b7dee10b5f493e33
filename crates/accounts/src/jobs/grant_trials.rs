//! Grants a trial to every free reader who never had one, in batches.

use std::time::Duration;

use jobs::{Attempt, Done, Failure, Job, OrFail, Policy, Queue, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Tx;
use uuid::Uuid;

use crate::{Accounts, trial};

/// Each batch is a transaction that also enqueues one mail per reader: whoever is granted is mailed, once, wherever the
/// job is killed; a run after that goes on with those who are left. A mail that fails is another job's failure.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct GrantTrials {}

impl Job for GrantTrials {
    type Cx = Accounts;
    const KIND: &'static str = "accounts.grant_trials";
    const QUEUE: Queue = Queue::Bulk;
    const POLICY: Policy = Policy::DEFAULT.timeout(Duration::from_secs(1800)).exclusive();

    fn unique_key(&self) -> Option<String> {
        Some("all_free".to_owned())
    }

    async fn run(&self, accounts: &Accounts, me: &Attempt) -> Result<Done, Failure> {
        let total = trial::eligible(accounts.db.conn()).await.or_fail()?;
        let (mut after, mut granted) = (Uuid::nil(), 0);
        while let Some((last, count)) = grant_batch(accounts, me, after).await? {
            (after, granted) = (last, granted + count as u64);
            me.progress(percent(granted, total)).await.or_fail()?;
        }
        let granted = trial::granted_by(accounts.db.conn(), me.id()).await.or_fail()?;
        Ok(Done::Ok(Success::new(json!({ "granted": granted }), format!("granted {granted} trials"))))
    }
}

async fn grant_batch(accounts: &Accounts, me: &Attempt, after: Uuid) -> Result<Option<(Uuid, usize)>, Failure> {
    if me.cancelled().is_cancelled() {
        let stopped = kernel::Problem::new(&kernel::kinds::UNAVAILABLE).detail("stopped between two batches");
        return Err(stopped).or_retry();
    }
    let batch = accounts.db.tx(async |tx: Tx| {
        let ends_at = accounts.trial_end(tx.now());
        trial::grant_batch(&tx, after, ends_at, me.id()).await
    });
    batch.await.or_fail()
}

/// Readers who register meanwhile are granted too, so `done` may pass `total`.
fn percent(done: u64, total: u64) -> u8 {
    (done.saturating_mul(100) / total.max(1)).min(99) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_stays_below_the_end_until_the_end() {
        assert_eq!([percent(0, 0), percent(500, 2000), percent(2000, 2000), percent(9, 5)], [0, 25, 99, 99]);
    }
}
