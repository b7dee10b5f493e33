//! Sessions: one per login, a family of refresh tokens of which only the newest may be used, and that once.

use chrono::{DateTime, Utc};
use kernel::{Result, UserId};
use sea_orm::FromQueryResult;
use sha2::{Digest, Sha256};
use store::{Sql, Tx};
use uuid::Uuid;

use crate::Accounts;

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Logout,
    TokenReuse,
    PasswordChange,
    AccountDeletion,
}

impl Ended {
    const fn name(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::TokenReuse => "token_reuse",
            Self::PasswordChange => "password_change",
            Self::AccountDeletion => "account_deletion",
        }
    }
}

/// A session and the only copy of its present refresh token.
pub(crate) struct Opened {
    pub user_id: Uuid,
    pub session_id: Uuid,
    pub role: String,
    pub refresh_token: String,
}

/// What became of a refresh token that was presented.
pub(crate) enum Refresh {
    Rotated(Opened),
    /// It was used before: whoever has the other copy may be a thief, so the whole session ended.
    Reused {
        session_id: Uuid,
    },
    Invalid,
}

const OPEN: &str = "insert into sessions (id, user_id, created_at, refreshed_at) values ($1, $2, $3, $3)";

const ADD_TOKEN: &str = "
insert into refresh_tokens (token_hash, session_id, created_at, expires_at) values ($1, $2, $3, $4)";

impl Accounts {
    /// Opens a session for a person who has shown who they are.
    pub(crate) async fn open_session(&self, tx: &Tx, user_id: Uuid, role: String) -> Result<Opened> {
        let session_id = self.rng.uuid();
        tx.run(OPEN, [session_id.into(), user_id.into(), tx.now().into()]).await?;
        let refresh_token = self.add_token(tx, session_id).await?;
        Ok(Opened { user_id, session_id, role, refresh_token })
    }

    /// Exchanges a refresh token for the next one. Commit in every case: a reuse must be remembered.
    pub(crate) async fn rotate(&self, tx: &Tx, refresh_token: &str) -> Result<Refresh> {
        let hash = hash(refresh_token);
        let row: Option<Presented> = tx.query_opt(PRESENTED, [hash.clone().into()]).await?;
        let Some(row) = row.filter(|row| row.live) else {
            return Ok(Refresh::Invalid);
        };
        let session_id = row.session_id;
        if row.rotated_at.is_some() {
            revoke(tx, session_id, Ended::TokenReuse).await?;
            return Ok(Refresh::Reused { session_id });
        }
        if row.expires_at <= tx.now() {
            return Ok(Refresh::Invalid);
        }
        tx.run(ROTATE, [hash.into(), tx.now().into()]).await?;
        tx.run(TOUCH, [session_id.into(), tx.now().into()]).await?;
        tx.run(FORGET_EXPIRED, [session_id.into(), tx.now().into()]).await?;
        let refresh_token = self.add_token(tx, session_id).await?;
        Ok(Refresh::Rotated(Opened { user_id: row.user_id, session_id, role: row.role, refresh_token }))
    }

    async fn add_token(&self, tx: &Tx, session_id: Uuid) -> Result<String> {
        let token = self.rng.token();
        let expires_at = tx.now() + self.settings.refresh_token_ttl;
        let values = [hash(&token).into(), session_id.into(), tx.now().into(), expires_at.into()];
        tx.run(ADD_TOKEN, values).await?;
        Ok(token)
    }
}

#[derive(FromQueryResult)]
struct Presented {
    session_id: Uuid,
    user_id: Uuid,
    role: String,
    expires_at: DateTime<Utc>,
    rotated_at: Option<DateTime<Utc>>,
    live: bool,
}

/// Locks the session and the token: of two who present the same one, the second sees that it was rotated.
const PRESENTED: &str = "
select s.id as session_id, s.user_id, u.role, t.expires_at, t.rotated_at,
       s.revoked_at is null and u.deleted_at is null as live
from refresh_tokens t join sessions s on s.id = t.session_id join users u on u.id = s.user_id
where t.token_hash = $1
for update of s, t";

const ROTATE: &str = "update refresh_tokens set rotated_at = $2 where token_hash = $1";

const TOUCH: &str = "update sessions set refreshed_at = $2 where id = $1";

/// An expired token tells nothing about theft any more; so a session's rows stay bounded.
const FORGET_EXPIRED: &str = "delete from refresh_tokens where session_id = $1 and expires_at <= $2";

const REVOKE: &str = "update sessions set revoked_at = $2, revoked_for = $3 where id = $1 and revoked_at is null";

/// Ends one session.
pub(crate) async fn revoke(tx: &Tx, session_id: Uuid, why: Ended) -> Result<()> {
    tx.run(REVOKE, [session_id.into(), tx.now().into(), why.name().into()]).await?;
    Ok(())
}

const REVOKE_ALL: &str = "
update sessions set revoked_at = $2, revoked_for = $3
where user_id = $1 and revoked_at is null and id is distinct from $4";

/// Ends all sessions of `user`, except the one given.
pub(crate) async fn revoke_all(tx: &Tx, user: UserId, except: Option<Uuid>, why: Ended) -> Result<()> {
    tx.run(REVOKE_ALL, [user.0.into(), tx.now().into(), why.name().into(), except.into()]).await?;
    Ok(())
}

/// 256 bits of chance need no salt and no slow hash.
fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
