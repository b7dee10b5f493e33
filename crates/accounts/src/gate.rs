//! Who is behind a session and what they may do, remembered for seconds: the check that every request with a token passes.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use kernel::{Actor, Result, UserId};
use store::{Db, Sql};
use uuid::Uuid;

use crate::{problems, token::Claims};

/// How long a revoked session, a deleted account or a changed role may go unnoticed by another process.
pub(crate) const SESSION_TTL: Duration = Duration::from_secs(5);
/// How long changed permissions of a role may go unnoticed.
const PERMISSIONS_TTL: Duration = Duration::from_secs(30);
/// Sessions, and API keys, that are remembered at most.
pub(crate) const CAPACITY: usize = 10_000;

/// The memory of one process. Its time is the machine's monotonic one: it says how old an answer is, not what time it is.
#[derive(Default)]
pub(crate) struct Gate {
    sessions: Mutex<HashMap<Uuid, Seen>>,
    permissions: Mutex<HashMap<String, (Permissions, Instant)>>,
}

type Permissions = Arc<BTreeSet<String>>;

#[derive(Clone)]
struct Seen {
    user_id: Uuid,
    /// `None`: the session has ended.
    role: Option<String>,
    at: Instant,
}

impl Gate {
    /// The actor that `claims` stand for, while their session lives. The role is the account's present one.
    ///
    /// # Errors
    /// `unauthenticated` when the session has ended; `unavailable` when Postgres is away.
    pub async fn admit(&self, db: &Db, claims: &Claims) -> Result<Actor> {
        let seen = match self.remembered(claims) {
            Some(seen) => seen,
            None => self.look_up(db, claims).await?,
        };
        let role = seen.role.ok_or_else(|| problems::unauthenticated("the session has ended"))?;
        let permissions = self.permissions(db, &role).await?;
        Ok(Actor { user_id: UserId(claims.sub), session_id: claims.sid, key: None, role, permissions })
    }

    /// Makes this process look the session up again.
    pub fn forget(&self, session_id: Uuid) {
        lock(&self.sessions).remove(&session_id);
    }

    /// Makes this process look all sessions of `user` up again.
    pub fn forget_user(&self, user: UserId) {
        lock(&self.sessions).retain(|_, seen| seen.user_id != user.0);
    }

    fn remembered(&self, claims: &Claims) -> Option<Seen> {
        let sessions = lock(&self.sessions);
        let seen = sessions.get(&claims.sid)?;
        (seen.user_id == claims.sub && seen.at.elapsed() < SESSION_TTL).then(|| seen.clone())
    }

    async fn look_up(&self, db: &Db, claims: &Claims) -> Result<Seen> {
        let at = Instant::now(); // before the question: an answer is never younger than what it tells
        let role = db.conn().scalar(ROLE, [claims.sid.into(), claims.sub.into()]).await?;
        let seen = Seen { user_id: claims.sub, role, at };
        let mut sessions = lock(&self.sessions);
        if sessions.len() >= CAPACITY {
            sessions.retain(|_, seen| seen.at.elapsed() < SESSION_TTL);
        }
        if sessions.len() < CAPACITY {
            sessions.insert(claims.sid, seen.clone());
        }
        Ok(seen)
    }

    /// What a role may do.
    pub async fn permissions(&self, db: &Db, role: &str) -> Result<Permissions> {
        let known = lock(&self.permissions).get(role).cloned();
        if let Some((permissions, at)) = known
            && at.elapsed() < PERMISSIONS_TTL
        {
            return Ok(permissions);
        }
        let at = Instant::now();
        let rows: Vec<Permission> = db.conn().query(PERMISSIONS, [role.into()]).await?;
        let permissions: Permissions = Arc::new(rows.into_iter().map(|row| row.permission).collect());
        lock(&self.permissions).insert(role.to_owned(), (permissions.clone(), at)); // as many entries as roles
        Ok(permissions)
    }
}

const ROLE: &str = "
select u.role from sessions s join users u on u.id = s.user_id
where s.id = $1 and u.id = $2 and s.revoked_at is null and u.deleted_at is null";

#[derive(sea_orm::FromQueryResult)]
struct Permission {
    permission: String,
}

const PERMISSIONS: &str = "select permission from role_permissions where role = $1";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
