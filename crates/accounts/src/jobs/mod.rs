//! The jobs of this domain, one per file, and when the recurring ones run.

mod expire_trials;
mod grant_trial;
mod grant_trials;
mod mail_code;
mod mail_trial;
mod purge_codes;
mod purge_stale;

use jobs::Registry;
use schedules::Recurring;

pub(crate) use self::{
    expire_trials::ExpireTrials, grant_trial::GrantTrial, grant_trials::GrantTrials, mail_code::MailCode,
    mail_trial::MailTrial, purge_codes::PurgeCodes, purge_stale::PurgeStale,
};
use crate::Accounts;

pub(crate) fn register(registry: &mut Registry, accounts: &Accounts) {
    registry
        .add::<MailCode>(accounts.clone())
        .add::<MailTrial>(accounts.clone())
        .add::<GrantTrial>(accounts.clone())
        .add::<GrantTrials>(accounts.clone())
        .add::<PurgeCodes>(accounts.clone())
        .add::<PurgeStale>(accounts.clone())
        .add::<ExpireTrials>(accounts.clone());
}

pub(crate) fn recurring() -> Vec<Recurring> {
    vec![
        Recurring::new("daily_otp_cleanup", "0 2 * * *", &PurgeCodes {})
            .describe("Deletes one-time codes that are expired or used."),
        Recurring::new("purge_stale_accounts", "30 2 * * *", &PurgeStale {})
            .describe("Deletes ended sessions, accounts never confirmed within 30 days, and counters of old periods."),
        Recurring::new("expire_trials", "15 0 * * *", &ExpireTrials {})
            .describe("Puts readers whose trial has ended back on the free plan."),
    ]
}
