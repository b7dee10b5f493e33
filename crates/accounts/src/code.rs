//! One-time codes: six digits that are derived from a random id whenever they are mailed, and stored only as an HMAC.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jobs::{Enqueue, enqueue};
use kernel::{Problem, Result, UserId, kinds};
use sea_orm::{ConnectionTrait, FromQueryResult};
use store::{Sql, Tx};
use uuid::Uuid;

use crate::{
    Accounts,
    email::EmailAddress,
    jobs::MailCode,
    keys::{Keys, mac, mac_matches},
};

/// Wrong tries after which a code is worthless.
pub(crate) const MAX_ATTEMPTS: i16 = 5;
/// New codes per account, purpose and hour: bounds what guessing can reach, and how often one can be mailed.
pub(crate) const MAX_PER_HOUR: i64 = 5;

/// What a code proves the ownership of an address for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Verify,
    Reset,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
        }
    }

    /// The purpose of that name in a row.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Verify, Self::Reset].into_iter().find(|purpose| purpose.name() == name)
    }
}

/// The code of `id`: HMAC-SHA-256, dynamically truncated (RFC 4226 §5.3) to six digits. The same each time.
pub(crate) fn derive(keys: &Keys, id: Uuid) -> Result<String> {
    let tag = mac(&keys.code, &[id.as_bytes()])?;
    let [.., last] = tag;
    let offset = usize::from(last & 0x0f);
    let number = tag[offset..].iter().take(4).fold(0, |number: u32, byte| number << 8 | u32::from(*byte));
    Ok(format!("{:06}", (number & 0x7fff_ffff) % 1_000_000))
}

/// What is stored to check a code against.
fn check_tag(keys: &Keys, id: Uuid, code: &str) -> Result<[u8; 32]> {
    mac(&keys.code_check, &[id.as_bytes(), code.as_bytes()])
}

const RECENT: &str = "select count(*) from one_time_codes where user_id = $1 and purpose = $2 and created_at > $3";

const VOID: &str = "
update one_time_codes set voided_at = $3
where user_id = $1 and purpose = $2 and used_at is null and voided_at is null";

const INSERT: &str = "
insert into one_time_codes (id, user_id, purpose, code_hmac, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)";

const ATTEMPT: &str = "
update one_time_codes c set attempts = c.attempts + 1
from users u
where u.id = c.user_id and lower(u.email) = $1 and u.deleted_at is null and c.purpose = $2
  and c.used_at is null and c.voided_at is null and c.expires_at > $3 and c.attempts < $4
returning c.id, c.user_id, c.code_hmac";

const USE: &str = "update one_time_codes set used_at = $2 where id = $1";

#[derive(FromQueryResult)]
struct Attempted {
    id: Uuid,
    user_id: Uuid,
    code_hmac: Vec<u8>,
}

impl Accounts {
    /// Makes a code and enqueues its mail; the one before it becomes void. The caller holds the account's lock.
    ///
    /// # Errors
    /// `rate-limited` when the account got too many in the last hour.
    pub(crate) async fn issue_code(&self, tx: &Tx, user: UserId, purpose: Purpose) -> Result<()> {
        let hour = Duration::from_secs(3600);
        let recent = [user.0.into(), purpose.name().into(), (tx.now() - hour).into()];
        let recent: Option<i64> = tx.scalar(RECENT, recent).await?;
        if recent.unwrap_or(0) >= MAX_PER_HOUR {
            return Err(Problem::new(&kinds::RATE_LIMITED).detail("too many codes were sent").retry_after(hour));
        }
        tx.run(VOID, [user.0.into(), purpose.name().into(), tx.now().into()]).await?;
        let id = self.rng.uuid();
        let tag = check_tag(&self.keys, id, &derive(&self.keys, id)?)?;
        let values = [
            id.into(),
            user.0.into(),
            purpose.name().into(),
            tag.to_vec().into(),
            tx.now().into(),
            (tx.now() + self.settings.otp_ttl).into(),
        ];
        tx.run(INSERT, values).await?;
        enqueue(tx, &MailCode { code_id: id }, Enqueue::now().by("accounts")).await?;
        Ok(())
    }

    /// Counts one try of `code`, and uses the code up if it is the right one: returns whose it was. `None`: wrong, or
    /// nothing to try. Commit in both cases: the row's lock and the counter allow no sixth try, however many come at once.
    pub(crate) async fn redeem(
        &self,
        tx: &Tx,
        email: &EmailAddress,
        (purpose, code): (Purpose, &str),
    ) -> Result<Option<UserId>> {
        let values = [email.as_str().into(), purpose.name().into(), tx.now().into(), MAX_ATTEMPTS.into()];
        let Some(row) = tx.query_opt::<Attempted, _>(ATTEMPT, values).await? else {
            return Ok(None);
        };
        if !mac_matches(&self.keys.code_check, &[row.id.as_bytes(), code.as_bytes()], &row.code_hmac)? {
            return Ok(None);
        }
        tx.run(USE, [row.id.into(), tx.now().into()]).await?;
        Ok(Some(row.user_id.into()))
    }
}

/// A code that is still to be mailed, and to whom.
#[derive(FromQueryResult)]
pub(crate) struct ToMail {
    pub email: String,
    pub purpose: String,
}

const TO_MAIL: &str = "
select u.email, c.purpose
from one_time_codes c join users u on u.id = c.user_id
where c.id = $1 and c.used_at is null and c.voided_at is null and c.expires_at > $2 and u.deleted_at is null";

/// The code `id`, while its mail is worth sending.
pub(crate) async fn to_mail<C: ConnectionTrait>(db: &C, id: Uuid, now: DateTime<Utc>) -> Result<Option<ToMail>> {
    db.query_opt(TO_MAIL, [id.into(), now.into()]).await
}

/// Rows that one statement of the purge deletes at most.
pub(crate) const PURGE_BATCH: u64 = 1000;

const PURGE: &str = "
delete from one_time_codes where id in (
    select id from one_time_codes where expires_at <= $1 or used_at is not null limit $2 for update skip locked)";

/// Deletes one batch of expired and used codes, and nothing else; returns how many.
pub(crate) async fn purge_batch(tx: &Tx) -> Result<u64> {
    tx.run(PURGE, [tx.now().into(), (PURGE_BATCH as i64).into()]).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kernel::{Rng, Secret};
    use proptest::prelude::*;

    use super::*;

    fn keys(secret: &str) -> Keys {
        Keys::derive(&Secret::new(secret.to_owned())).unwrap()
    }

    #[test]
    fn a_code_is_six_digits_and_the_same_each_time() {
        let (keys, id) = (keys("secret"), Uuid::from_u128(7));
        let code = derive(&keys, id).unwrap();
        assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        assert_eq!(code, derive(&keys, id).unwrap());
    }

    #[test]
    fn codes_depend_on_the_id_and_on_the_secret_and_are_spread_evenly() {
        let (one, other, rng) = (keys("one"), keys("other"), Rng::seeded(3));
        let ids: Vec<Uuid> = (0..2000).map(|_| rng.uuid()).collect();
        let codes: BTreeSet<String> = ids.iter().map(|id| derive(&one, *id).unwrap()).collect();
        assert!(codes.len() > 1980, "{} of 2000 differ", codes.len());
        let same = ids.iter().filter(|id| derive(&one, **id).unwrap() == derive(&other, **id).unwrap());
        assert!(same.count() < 5);
        let low = codes.iter().filter(|code| code.as_str() < "500000").count();
        assert!((850..1150).contains(&low), "{low} of 2000 are in the lower half");
    }

    #[test]
    fn a_tag_fits_its_own_code_and_id_only() {
        let (keys, id) = (keys("secret"), Uuid::from_u128(7));
        let tag = check_tag(&keys, id, "123456").unwrap();
        let fits =
            |id: Uuid, code: &str| mac_matches(&keys.code_check, &[id.as_bytes(), code.as_bytes()], &tag).unwrap();
        assert!(fits(id, "123456"));
        assert!(!fits(id, "123457") && !fits(Uuid::from_u128(8), "123456") && !fits(id, "12345"));
    }

    proptest! {
        #[test]
        fn any_text_but_the_code_is_wrong(secret in ".{1,40}", id in any::<u128>(), other in prop_oneof!["[0-9]{6}", "\\PC{0,20}"]) {
            let (keys, id) = (keys(&secret), Uuid::from_u128(id));
            let code = derive(&keys, id).unwrap();
            prop_assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{}", code);
            let tag = check_tag(&keys, id, &code).unwrap();
            let fits = |code: &str| mac_matches(&keys.code_check, &[id.as_bytes(), code.as_bytes()], &tag).unwrap();
            prop_assert!(fits(&code));
            prop_assert_eq!(fits(&other), other == code);
        }
    }
}
