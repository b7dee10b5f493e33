//! Mails a one-time code. The arguments hold its id only; the code itself is derived again for each attempt.

use std::time::Duration;

use jobs::{Attempt, Done, Failure, Job, OrFail, Policy, Queue, Success};
use kernel::{Problem, Secret};
use notify::Template;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Accounts,
    code::{self, Purpose},
};

/// Sends the code `code_id` to the address that its account has now.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MailCode {
    pub code_id: Uuid,
}

impl Job for MailCode {
    type Cx = Accounts;
    const KIND: &'static str = "accounts.mail_code";
    const QUEUE: Queue = Queue::Mail;
    /// A code is worth sending for minutes: after that the job ends by itself.
    const POLICY: Policy = Policy::DEFAULT
        .attempts(20)
        .timeout(Duration::from_secs(30))
        .backoff(Duration::from_secs(1), Duration::from_secs(60));

    async fn run(&self, accounts: &Accounts, me: &Attempt) -> Result<Done, Failure> {
        let now = accounts.db.clock().now();
        let Some(mail) = code::to_mail(accounts.db.conn(), self.code_id, now).await.or_fail()? else {
            return Ok(Done::Cancel("the code is used, expired or replaced".to_owned()));
        };
        let purpose = Purpose::parse(&mail.purpose).ok_or_else(|| Problem::internal("unknown purpose")).or_fatal()?;
        let code = code::derive(&accounts.keys, self.code_id).or_fatal()?;
        let (code, valid_for) = (Secret::new(code), accounts.settings.otp_ttl);
        let template = match purpose {
            Purpose::Verify => Template::VerificationCode { code, valid_for },
            Purpose::Reset => Template::PasswordResetCode { code, valid_for },
        };
        accounts.mailer.deliver(&mail.email, template, me.id().0).await.or_fail()?;
        Ok(Done::Ok(Success::new(serde_json::Value::Null, "mailed")))
    }
}
