//! Grants the trial that a reader asked for.

use jobs::{Attempt, Done, Failure, Job, OrFail, Success};
use kernel::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Accounts, trial};

/// Puts `user_id` on the trial plan and enqueues the mail about it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct GrantTrial {
    pub user_id: UserId,
}

impl Job for GrantTrial {
    type Cx = Accounts;
    const KIND: &'static str = "accounts.grant_trial";

    fn unique_key(&self) -> Option<String> {
        Some(self.user_id.to_string())
    }

    async fn run(&self, accounts: &Accounts, me: &Attempt) -> Result<Done, Failure> {
        if let Some(obstacle) = trial::obstacle(accounts.db.conn(), self.user_id).await.or_fail()? {
            return Ok(Done::Cancel(obstacle.to_owned()));
        }
        me.commit(async |tx| {
            let ends_at = accounts.trial_end(tx.now());
            trial::grant(&tx, self.user_id, ends_at, me.id()).await?;
            let plan = trial::TRIAL_PLAN.name();
            Ok(Success::new(json!({ "plan": plan, "trial_ends_at": ends_at }), format!("granted a trial of {plan}")))
        })
        .await
    }
}
