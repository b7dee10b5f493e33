//! Tells a reader that their trial has begun.

use std::time::Duration;

use jobs::{Attempt, Done, Failure, Job, OrFail, Policy, Queue, Success};
use kernel::UserId;
use notify::Template;
use serde::{Deserialize, Serialize};

use crate::{Accounts, trial};

/// Mails `user_id` about the trial that they have now.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MailTrial {
    pub user_id: UserId,
}

impl Job for MailTrial {
    type Cx = Accounts;
    const KIND: &'static str = "accounts.mail_trial";
    const QUEUE: Queue = Queue::Mail;
    const POLICY: Policy = Policy::DEFAULT.attempts(10).timeout(Duration::from_secs(30));

    async fn run(&self, accounts: &Accounts, me: &Attempt) -> Result<Done, Failure> {
        let now = accounts.db.clock().now();
        let Some(mail) = trial::to_mail(accounts.db.conn(), self.user_id, now).await.or_fail()? else {
            return Ok(Done::Cancel("the account is gone or its trial has ended".to_owned()));
        };
        let template = Template::TrialStarted { plan: trial::TRIAL_PLAN.name().to_owned(), until: mail.last_day() };
        accounts.mailer.deliver(&mail.email, template, me.id().0).await.or_fail()?;
        Ok(Done::Ok(Success::new(serde_json::Value::Null, "mailed")))
    }
}
