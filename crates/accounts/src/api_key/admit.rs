//! Who is behind an API key, remembered for seconds: the check that every request with a key passes.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Actor, ApiKeyRef, Result, UserId};
use sea_orm::FromQueryResult;
use store::{Db, Sql};
use uuid::Uuid;

use super::{ADMIN, Token};
use crate::{
    Accounts,
    gate::{CAPACITY, SESSION_TTL},
    problems::unauthenticated,
};

/// How far `last_used_at` may lag behind: a key that is used all the time costs one write per minute.
const PRECISION: TimeDelta = TimeDelta::minutes(1);

/// The memory of one process: a key that was revoked or changed elsewhere, and an owner who was deleted or lost a role, is
/// noticed within [`SESSION_TTL`]. Expiry and grace are checked at each use.
#[derive(Default)]
pub(crate) struct KeyGate {
    keys: Mutex<HashMap<Uuid, Seen>>,
}

#[derive(Clone)]
struct Seen {
    /// `None`: there is no such key, or its owner is gone.
    key: Option<Key>,
    at: Instant,
}

#[derive(Clone, FromQueryResult)]
struct Key {
    owner_id: Uuid,
    /// The owner's present one.
    role: String,
    name: String,
    scopes: Vec<String>,
    secret_hash: Vec<u8>,
    previous_hash: Option<Vec<u8>>,
    previous_until: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl KeyGate {
    /// Makes this process look the key up again.
    pub fn forget(&self, id: Uuid) {
        self.lock().remove(&id);
    }

    /// Makes this process look all keys of `owner` up again.
    pub fn forget_owner(&self, owner: UserId) {
        self.lock().retain(|_, seen| seen.key.as_ref().is_none_or(|key| key.owner_id != owner.0));
    }

    async fn find(&self, db: &Db, id: Uuid) -> Result<Option<Key>> {
        let known = self.lock().get(&id).filter(|seen| seen.at.elapsed() < SESSION_TTL).cloned();
        if let Some(seen) = known {
            return Ok(seen.key);
        }
        let at = Instant::now(); // before the question: an answer is never younger than what it tells
        let key: Option<Key> = db.conn().query_opt(FIND, [id.into()]).await?;
        let mut keys = self.lock();
        if keys.len() >= CAPACITY {
            keys.retain(|_, seen| seen.at.elapsed() < SESSION_TTL);
        }
        if keys.len() < CAPACITY {
            keys.insert(id, Seen { key: key.clone(), at });
        }
        Ok(key)
    }

    /// Notes the use of a key; whether it has to be written down.
    fn note_use(&self, id: Uuid, now: DateTime<Utc>) -> bool {
        let mut keys = self.lock();
        let Some(key) = keys.get_mut(&id).and_then(|seen| seen.key.as_mut()) else {
            return true;
        };
        let due = is_due(key.last_used_at, now);
        if due {
            key.last_used_at = Some(now);
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Seen>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const FIND: &str = "
select k.owner_id, u.role, k.name, k.scopes, k.secret_hash, k.previous_hash, k.previous_until, k.expires_at, k.revoked_at,
       k.last_used_at
from api_keys k join users u on u.id = k.owner_id
where k.id = $1 and u.deleted_at is null";

impl Accounts {
    /// The actor that the API key `text` stands for.
    ///
    /// # Errors
    /// `unauthenticated` when it is none of ours, revoked or expired, or its owner is gone; `unavailable` when Postgres is
    /// away.
    pub(crate) async fn admit_key(&self, text: &str) -> Result<Actor> {
        let token = Token::parse(text).ok_or_else(|| unauthenticated("the API key is malformed"))?;
        let now = self.db.clock().now();
        let key = self.key_gate.find(&self.db, token.id).await?;
        let key =
            key.filter(|key| key.opens_with(&token, now)).ok_or_else(|| unauthenticated("the API key is not valid"))?;
        // Only who holds the secret is told why it does not work any more.
        if key.revoked_at.is_some() {
            return Err(unauthenticated("the API key was revoked"));
        }
        if key.expires_at.is_some_and(|at| at <= now) {
            return Err(unauthenticated("the API key has expired"));
        }
        if self.key_gate.note_use(token.id, now) {
            self.write_use(token.id, now).await;
        }
        let owned = self.gate.permissions(&self.db, &key.role).await?;
        let permissions = key.scopes.into_iter().filter(|scope| scope != ADMIN && owned.contains(scope));
        Ok(Actor {
            user_id: UserId(key.owner_id),
            session_id: Uuid::nil(),
            key: Some(ApiKeyRef { id: token.id, name: key.name.into() }),
            role: key.role,
            permissions: permissions.collect::<std::collections::BTreeSet<_>>().into(),
        })
    }

    /// A request does not fail for this.
    async fn write_use(&self, id: Uuid, now: DateTime<Utc>) {
        let written = self.db.conn().run(TOUCH, [id.into(), now.into(), (now - PRECISION).into()]).await;
        if let Err(problem) = written {
            tracing::warn!(%problem, api_key = %id, "the use of an API key was not noted");
        }
    }
}

/// Another process may have noted it a moment ago.
const TOUCH: &str = "
update api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at <= $3)";

impl Key {
    /// Whether `token` is its present secret, or the one before while that still works.
    fn opens_with(&self, token: &Token, now: DateTime<Utc>) -> bool {
        let in_grace = self.previous_until.is_some_and(|until| now < until);
        token.fits(&self.secret_hash) || (in_grace && self.previous_hash.as_ref().is_some_and(|hash| token.fits(hash)))
    }
}

fn is_due(last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    last.is_none_or(|last| now - last >= PRECISION)
}

#[cfg(test)]
mod tests {
    use kernel::Rng;

    use super::*;

    #[test]
    fn the_secret_before_opens_until_its_grace_ends() {
        let (rng, id, now) = (Rng::seeded(1), Uuid::from_u128(1), DateTime::UNIX_EPOCH);
        let (old, new) = (Token::issue(id, &rng), Token::issue(id, &rng));
        let until = now + TimeDelta::seconds(10);
        let key = Key {
            owner_id: id,
            role: String::new(),
            name: String::new(),
            scopes: Vec::new(),
            secret_hash: new.hash(),
            previous_hash: Some(old.hash()),
            previous_until: Some(until),
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        };
        assert!(key.opens_with(&old, now) && key.opens_with(&new, now));
        assert!(!key.opens_with(&old, until) && key.opens_with(&new, until));
        assert!(!key.opens_with(&Token::issue(id, &rng), now));
    }

    #[test]
    fn a_use_is_written_down_once_a_minute() {
        let now = DateTime::UNIX_EPOCH;
        assert!(is_due(None, now) && is_due(Some(now - TimeDelta::seconds(60)), now));
        assert!(!is_due(Some(now - TimeDelta::seconds(59)), now));
    }
}
