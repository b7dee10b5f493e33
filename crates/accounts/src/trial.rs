//! Trials: the plan basic for a while, once ever per reader. The primary key of `trials` is what makes it once; a deleted
//! account leaves a tag of its address there, so that the next account for the address has had its trial too.

use std::time::Duration;

use audit::Change;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use jobs::{Enqueue, Enqueued, enqueue, enqueue_many};
use kernel::{ExecutionId, Problem, Result, UserId, kinds};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::json;
use store::{Sql, Tx};
use uuid::Uuid;

use crate::{
    Accounts,
    api_key::By,
    jobs::{GrantTrial, GrantTrials, MailTrial},
    keys::mac,
    plan::Plan,
    problems,
    user::{self, READER},
};

/// The plan that is tried.
pub(crate) const TRIAL_PLAN: Plan = Plan::Basic;
/// Readers of a grant for all who are granted theirs in one transaction.
const BATCH: usize = 500;

/// A request whose grant was cancelled or failed for good can be made again.
const REQUEST: &str = "
insert into trials (user_id, requested_at) values ($1, $2)
on conflict (user_id) do update set requested_at = excluded.requested_at
where trials.granted_at is null
  and not exists (select from executions e where e.id = trials.execution_id and e.state in ('queued', 'running'))";

const SET_EXECUTION: &str = "update trials set execution_id = $2 where user_id = $1";

impl Accounts {
    /// Notes the reader's request and enqueues the grant for `TRIAL_DELAY` later.
    ///
    /// # Errors
    /// `forbidden` for who is no reader; `trial-used` when one is on its way or was granted before; `trial-not-free` on a paid
    /// plan.
    pub(crate) async fn request_trial(&self, tx: &Tx, id: UserId) -> Result<Enqueued> {
        let account = user::lock(tx, id).await?.ok_or_else(problems::account_gone)?;
        if account.role != READER {
            return Err(Problem::new(&kinds::FORBIDDEN).detail("trials are for readers"));
        }
        if tx.run(REQUEST, [id.0.into(), tx.now().into()]).await? == 0 {
            return Err(Problem::new(&problems::TRIAL_USED));
        }
        let plan = account.plan.parse::<Plan>()?.at(account.trial_ends_at, tx.now());
        if plan != Plan::Free {
            return Err(Problem::new(&problems::TRIAL_NOT_FREE).with("plan", plan.name()));
        }
        let job = GrantTrial { user_id: id };
        let enqueued = enqueue(tx, &job, Enqueue::after(self.settings.trial_delay).by_user(id)).await?;
        tx.run(SET_EXECUTION, [id.0.into(), enqueued.id.0.into()]).await?;
        Ok(enqueued)
    }

    /// Enqueues a grant for every free reader; returns the one that waits or runs already, if there is one.
    pub(crate) async fn request_trials(&self, tx: &Tx, by: By<'_>) -> Result<Enqueued> {
        let enqueued = enqueue(tx, &GrantTrials {}, Enqueue::now().by(by.actor.identity())).await?;
        if enqueued.created {
            let (target, after) = (format!("execution:{}", enqueued.id), json!({ "audience": "all_free" }));
            let action = "trial.grant_campaign";
            let change = Change { actor: by.actor, label: by.label, action, target, before: None, after: Some(&after) };
            audit::record(tx, change).await?;
        }
        Ok(enqueued)
    }

    /// What stands for an address that must not be stored.
    pub(crate) fn address_tag(&self, email: &str) -> Result<[u8; 32]> {
        mac(&self.keys.address, &[email.as_bytes()])
    }

    /// When a trial that begins at `now` ends.
    pub(crate) fn trial_end(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + Duration::from_secs(u64::from(self.settings.trial_days) * 86_400)
    }
}

#[derive(FromQueryResult)]
struct Pending {
    plan: String,
    granted_at: Option<DateTime<Utc>>,
}

const PENDING: &str = "
select u.plan, t.granted_at from trials t join users u on u.id = t.user_id where t.user_id = $1 and u.deleted_at is null";

/// Why the trial of `user` cannot be granted, if so.
pub(crate) async fn obstacle<C: ConnectionTrait>(db: &C, user: UserId) -> Result<Option<&'static str>> {
    let pending: Option<Pending> = db.query_opt(PENDING, [user.0.into()]).await?;
    Ok(match pending {
        None => Some("the account or its request is gone"),
        Some(Pending { granted_at: Some(_), .. }) => Some("the trial was granted already"),
        Some(Pending { plan, .. }) if plan != Plan::Free.name() => Some("the reader is not on the free plan any more"),
        Some(_) => None,
    })
}

const GRANT: &str = "
update trials set granted_at = $2, ends_at = $3, execution_id = $4 where user_id = $1 and granted_at is null";

const UPGRADE: &str = "
update users set plan = $2, trial_ends_at = $3, updated_at = $4 where id = $1 and plan = 'free'";

/// Grants the trial that `user` requested, and enqueues the mail about it.
///
/// # Errors
/// `conflict` when there is an [`obstacle`] after all.
pub(crate) async fn grant(tx: &Tx, user: UserId, ends_at: DateTime<Utc>, by: ExecutionId) -> Result<()> {
    let gone = || Problem::new(&kinds::CONFLICT).detail("the trial cannot be granted any more");
    user::lock(tx, user).await?.ok_or_else(gone)?;
    let granted = [user.0.into(), tx.now().into(), ends_at.into(), by.0.into()];
    let upgraded = [user.0.into(), TRIAL_PLAN.name().into(), ends_at.into(), tx.now().into()];
    if tx.run(GRANT, granted).await? == 0 || tx.run(UPGRADE, upgraded).await? == 0 {
        return Err(gone());
    }
    enqueue(tx, &MailTrial { user_id: user }, Enqueue::now().by("accounts")).await?;
    Ok(())
}

/// One batch of a grant for all: the readers after `$1` who never had a trial. They are locked first, so nobody is
/// granted twice: a reader whom another run has granted meanwhile is not on the free plan any more.
const GRANT_BATCH: &str = "
with eligible as (
    select u.id from users u
    where u.id > $1 and u.plan = 'free' and u.role = 'reader' and u.deleted_at is null and u.email_verified_at is not null
      and not exists (select from trials t where t.user_id = u.id and t.granted_at is not null)
    order by u.id limit $2
    for update of u
), granted as (
    insert into trials (user_id, requested_at, granted_at, ends_at, execution_id)
    select id, $3, $3, $4, $5 from eligible
    on conflict (user_id) do update
    set granted_at = excluded.granted_at, ends_at = excluded.ends_at, execution_id = excluded.execution_id
    where trials.granted_at is null
    returning user_id
)
update users u set plan = $6, trial_ends_at = $4, updated_at = $3
from granted where u.id = granted.user_id
returning u.id";

#[derive(FromQueryResult)]
struct Granted {
    id: Uuid,
}

/// Grants a trial to the first readers after `after` who may have one, and enqueues one mail for each, all or nothing.
/// Returns the last of them; `None` when nobody was left.
pub(crate) async fn grant_batch(
    tx: &Tx,
    after: Uuid,
    ends_at: DateTime<Utc>,
    by: ExecutionId,
) -> Result<Option<(Uuid, usize)>> {
    let values =
        [after.into(), (BATCH as i64).into(), tx.now().into(), ends_at.into(), by.0.into(), TRIAL_PLAN.name().into()];
    let granted: Vec<Granted> = tx.query(GRANT_BATCH, values).await?;
    let mails: Vec<MailTrial> = granted.iter().map(|reader| MailTrial { user_id: reader.id.into() }).collect();
    enqueue_many(tx, &mails, &Enqueue::now().by("accounts")).await?;
    Ok(granted.iter().map(|reader| reader.id).max().map(|last| (last, granted.len())))
}

const ELIGIBLE: &str = "
select count(*) from users u
where u.plan = 'free' and u.role = 'reader' and u.deleted_at is null and u.email_verified_at is not null
  and not exists (select from trials t where t.user_id = u.id and t.granted_at is not null)";

/// How many readers a grant for all would reach now.
pub(crate) async fn eligible<C: ConnectionTrait>(db: &C) -> Result<u64> {
    let count: Option<i64> = db.scalar(ELIGIBLE, []).await?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

const GRANTED_BY: &str = "select count(*) from trials where execution_id = $1 and granted_at is not null";

/// How many trials the execution has granted, in all its attempts.
pub(crate) async fn granted_by<C: ConnectionTrait>(db: &C, execution: ExecutionId) -> Result<i64> {
    let count: Option<i64> = db.scalar(GRANTED_BY, [execution.0.into()]).await?;
    Ok(count.unwrap_or(0))
}

/// A trial to tell its reader of.
#[derive(FromQueryResult)]
pub(crate) struct ToMail {
    pub email: String,
    timezone: String,
    ends_at: DateTime<Utc>,
}

impl ToMail {
    /// The day on which the trial ends, where the reader lives.
    pub fn last_day(&self) -> NaiveDate {
        let zone: Tz = self.timezone.parse().unwrap_or_default();
        self.ends_at.with_timezone(&zone).date_naive()
    }
}

const TO_MAIL: &str = "
select u.email, u.timezone, t.ends_at from trials t join users u on u.id = t.user_id
where t.user_id = $1 and t.ends_at > $2 and u.deleted_at is null";

/// The running trial of `user`, while its mail is worth sending.
pub(crate) async fn to_mail<C: ConnectionTrait>(db: &C, user: UserId, now: DateTime<Utc>) -> Result<Option<ToMail>> {
    db.query_opt(TO_MAIL, [user.0.into(), now.into()]).await
}

const TAG: &str = "update trials set address_tag = $2 where user_id = $1 and granted_at is not null";

/// Notes whose trial it was: the account is about to lose its address.
pub(crate) async fn tag(tx: &Tx, user: UserId, address: [u8; 32]) -> Result<()> {
    tx.run(TAG, [user.0.into(), address.to_vec().into()]).await?;
    Ok(())
}

const CARRY_OVER: &str = "
insert into trials (user_id, requested_at, granted_at, ends_at)
select $1, requested_at, granted_at, ends_at from trials where address_tag = $2
order by granted_at limit 1";

/// Gives a new account the trial that an earlier account for the address has had, as one that was used.
pub(crate) async fn carry_over(tx: &Tx, user: UserId, address: [u8; 32]) -> Result<()> {
    tx.run(CARRY_OVER, [user.0.into(), address.to_vec().into()]).await?;
    Ok(())
}

const EXPIRE: &str = "
update users set plan = 'free', trial_ends_at = null, updated_at = $1 where trial_ends_at <= $1";

/// Puts readers whose trial has ended back on the free plan; returns how many.
pub(crate) async fn expire(tx: &Tx) -> Result<u64> {
    tx.run(EXPIRE, [tx.now().into()]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_is_the_readers_own() {
        let mail = |timezone: &str| ToMail {
            email: String::new(),
            timezone: timezone.to_owned(),
            ends_at: "2026-03-01T23:30:00Z".parse().unwrap(),
        };
        assert_eq!(mail("UTC").last_day().to_string(), "2026-03-01");
        assert_eq!(mail("Asia/Tokyo").last_day().to_string(), "2026-03-02");
        assert_eq!(mail("Nowhere/Lost").last_day().to_string(), "2026-03-01");
    }
}
