//! Deletes ended sessions, accounts that were never confirmed, and usage counters of old periods.

use std::time::Duration;

use jobs::{Attempt, Done, Failure, Job, OrFail, Policy, Queue, Success};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::Tx;

use crate::{
    Accounts,
    stale::{self, Stale},
};

/// Works in small batches; what one attempt has deleted stays deleted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PurgeStale {}

impl Job for PurgeStale {
    type Cx = Accounts;
    const KIND: &'static str = "accounts.purge_stale";
    const QUEUE: Queue = Queue::Bulk;
    const POLICY: Policy = Policy::DEFAULT.timeout(Duration::from_secs(1800));

    async fn run(&self, accounts: &Accounts, me: &Attempt) -> Result<Done, Failure> {
        let (mut deleted, mut told) = (Map::new(), Vec::new());
        for kind in &stale::ALL {
            let count = purge(accounts, me, kind).await?;
            deleted.insert(kind.what.replace(' ', "_"), count.into());
            told.push(format!("{count} {}", kind.what));
        }
        let message = format!("deleted {}", told.join(", "));
        Ok(Done::Ok(Success::new(Value::Object(deleted), message)))
    }
}

async fn purge(accounts: &Accounts, me: &Attempt, kind: &Stale) -> Result<u64, Failure> {
    let mut deleted = 0;
    loop {
        let batch = accounts.db.tx(async |tx: Tx| kind.delete_batch(&tx).await);
        let batch = batch.await.or_fail()?;
        deleted += batch;
        if batch < stale::BATCH || me.cancelled().is_cancelled() {
            return Ok(deleted);
        }
    }
}
