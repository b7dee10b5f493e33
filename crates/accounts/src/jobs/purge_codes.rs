//! Deletes one-time codes that are expired or used, and no others.

use jobs::{Attempt, Done, Failure, Job, OrFail, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Tx;

use crate::{Accounts, code};

/// Works in small batches; what one attempt has deleted stays deleted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PurgeCodes {}

impl Job for PurgeCodes {
    type Cx = Accounts;
    const KIND: &'static str = "accounts.purge_codes";

    async fn run(&self, accounts: &Accounts, me: &Attempt) -> Result<Done, Failure> {
        let mut deleted = 0;
        loop {
            let batch = accounts.db.tx(async |tx: Tx| code::purge_batch(&tx).await).await.or_fail()?;
            deleted += batch;
            if batch < code::PURGE_BATCH || me.cancelled().is_cancelled() {
                return Ok(Done::Ok(Success::new(json!({ "deleted": deleted }), format!("deleted {deleted} codes"))));
            }
        }
    }
}
