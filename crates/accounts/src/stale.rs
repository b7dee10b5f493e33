//! What nobody will ever look at again: sessions that ended, accounts that were never confirmed, counters of old periods.

use store::{Sql, Tx};

/// Rows that one statement deletes at most.
pub(crate) const BATCH: u64 = 1000;

/// A kind of rows that go stale.
pub(crate) struct Stale {
    /// What they are, for people.
    pub what: &'static str,
    delete: &'static str,
}

/// Every kind of them.
pub(crate) const ALL: [Stale; 3] = [
    Stale { what: "sessions", delete: DELETE_SESSIONS },
    Stale { what: "unconfirmed accounts", delete: DELETE_UNCONFIRMED },
    Stale { what: "usage counters", delete: DELETE_COUNTERS },
];

/// Without a refresh token that is still good a session cannot go on; of revoked ones the reason is kept for a while. Their
/// tokens go with them.
const DELETE_SESSIONS: &str = "
delete from sessions where id in (
    select s.id from sessions s
    where s.revoked_at < $1::timestamptz - interval '30 days'
       or not exists (select from refresh_tokens t where t.session_id = s.id and t.expires_at > $1)
    limit $2 for update skip locked)";

/// An old one that was registered again is kept while its code can still be typed.
const DELETE_UNCONFIRMED: &str = "
with stale as (
    select u.id from users u
    where u.email_verified_at is null and u.deleted_at is null and u.created_at < $1::timestamptz - interval '30 days'
      and not exists (select from one_time_codes c where c.user_id = u.id and c.expires_at > $1)
    limit $2 for update skip locked
), codes as (
    delete from one_time_codes where user_id in (select id from stale)
), carried_over as (
    delete from trials where user_id in (select id from stale)
)
delete from users where id in (select id from stale)";

/// A period lasts 30 days; units are given back within hours.
const DELETE_COUNTERS: &str = "
delete from usage_counters where (user_id, feature, period_start) in (
    select user_id, feature, period_start from usage_counters
    where period_start < $1::timestamptz - interval '120 days'
    limit $2 for update skip locked)";

impl Stale {
    /// Deletes one batch; returns how many.
    pub async fn delete_batch(&self, tx: &Tx) -> kernel::Result<u64> {
        tx.run(self.delete, [tx.now().into(), (BATCH as i64).into()]).await
    }
}
