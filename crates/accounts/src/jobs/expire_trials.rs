//! Puts readers whose trial has ended back on the free plan. Tidies only: an ended trial counts as free at once.

use jobs::{Attempt, Done, Failure, Job, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Accounts, trial};

/// One set-based update, recorded together with the execution.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ExpireTrials {}

impl Job for ExpireTrials {
    type Cx = Accounts;
    const KIND: &'static str = "accounts.expire_trials";

    async fn run(&self, _: &Accounts, me: &Attempt) -> Result<Done, Failure> {
        me.commit(async |tx| {
            let expired = trial::expire(&tx).await?;
            Ok(Success::new(json!({ "expired": expired }), format!("ended {expired} trials")))
        })
        .await
    }
}
