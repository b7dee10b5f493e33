//! The rows of `api_keys`.

use chrono::{DateTime, Utc};
use kernel::{Result, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::Serialize;
use serde_json::Value;
use store::{Sql, Tx, on_constraint};
use uuid::Uuid;

use super::{NewKey, Token};
use crate::problems;

/// A key, without anything that would let somebody in.
#[derive(Clone, Debug, FromQueryResult, Serialize)]
pub struct ApiKey {
    /// Stays the same when the key is rotated.
    pub id: Uuid,
    /// The account it acts for.
    pub owner_id: Uuid,
    /// One of a kind among the owner's keys that are not revoked.
    pub name: String,
    /// Permissions.
    pub scopes: Vec<String>,
    /// When it stops working by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// To the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it got its present secret, if that is not its first.
    pub rotated_at: Option<DateTime<Utc>>,
    /// Until when the secret before works.
    pub previous_until: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Counts the changes.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last; its uses do not count.
    pub updated_at: DateTime<Utc>,
}

impl ApiKey {
    /// `active`, `expired` or `revoked`.
    pub fn status(&self, now: DateTime<Utc>) -> &'static str {
        match self {
            Self { revoked_at: Some(_), .. } => "revoked",
            Self { expires_at: Some(at), .. } if *at <= now => "expired",
            _ => "active",
        }
    }

    /// What the audit log compares.
    pub(super) fn audited(&self) -> Value {
        serde_json::json!({
            "owner_id": self.owner_id,
            "name": self.name,
            "scopes": self.scopes,
            "expires_at": self.expires_at,
            "rotated_at": self.rotated_at,
            "previous_until": self.previous_until,
            "revoked_at": self.revoked_at,
        })
    }
}

macro_rules! keys_where {
    ($rest:literal) => {
        concat!(
            "select id, owner_id, name, scopes, expires_at, last_used_at, rotated_at, previous_until, revoked_at, version, ",
            "created_at, updated_at from api_keys where ",
            $rest
        )
    };
}

const BY_ID: &str = keys_where!("id = $1");
const BY_ID_LOCKED: &str = keys_where!("id = $1 for update");
const LIST: &str = keys_where!("($1::uuid is null or id < $1) order by id desc limit $2");

/// The key `id`, if there is one.
pub(crate) async fn find<C: ConnectionTrait>(db: &C, id: Uuid) -> Result<Option<ApiKey>> {
    db.query_opt(BY_ID, [id.into()]).await
}

/// At most `limit` keys older than `before`, the newest first; also expired and revoked ones.
pub(crate) async fn list<C: ConnectionTrait>(db: &C, before: Option<Uuid>, limit: u64) -> Result<Vec<ApiKey>> {
    db.query(LIST, [before.into(), (limit as i64).into()]).await
}

/// [`find`], and nothing about it changes until the transaction ends.
pub(super) async fn lock(tx: &Tx, id: Uuid) -> Result<Option<ApiKey>> {
    tx.query_opt(BY_ID_LOCKED, [id.into()]).await
}

const INSERT: &str = "
insert into api_keys (id, owner_id, name, scopes, secret_hash, expires_at, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $7)";

/// Adds a key of `owner` that opens with `token`.
///
/// # Errors
/// `api-key-name-taken`.
pub(super) async fn insert(tx: &Tx, owner: UserId, new: &NewKey, token: &Token) -> Result<()> {
    let values = [
        token.id.into(),
        owner.0.into(),
        new.name.clone().into(),
        new.scopes.clone().into(),
        token.hash().into(),
        new.expires_at.into(),
        tx.now().into(),
    ];
    tx.run(INSERT, values).await.map_err(on_constraint("api_keys_name", &problems::API_KEY_NAME_TAKEN))?;
    Ok(())
}

const UPDATE: &str = "
update api_keys set name = $2, scopes = $3, expires_at = $4, updated_at = $5, version = version + 1 where id = $1";

/// Writes the name, the scopes and the expiry of `key`.
///
/// # Errors
/// `api-key-name-taken`.
pub(super) async fn update(tx: &Tx, key: &ApiKey) -> Result<()> {
    let values =
        [key.id.into(), key.name.clone().into(), key.scopes.clone().into(), key.expires_at.into(), tx.now().into()];
    tx.run(UPDATE, values).await.map_err(on_constraint("api_keys_name", &problems::API_KEY_NAME_TAKEN))?;
    Ok(())
}

const ROTATE: &str = "
update api_keys
set previous_hash = case when $3::timestamptz is not null then secret_hash end, previous_until = $3, secret_hash = $2,
    rotated_at = $4, updated_at = $4, version = version + 1
where id = $1";

/// Makes `token` open its key; what opened it so far does so until `grace`, and what did before that no more.
pub(super) async fn rotate(tx: &Tx, token: &Token, grace: Option<DateTime<Utc>>) -> Result<()> {
    tx.run(ROTATE, [token.id.into(), token.hash().into(), grace.into(), tx.now().into()]).await?;
    Ok(())
}

const REVOKE: &str = "
update api_keys
set revoked_at = $2, previous_hash = null, previous_until = null, updated_at = $2, version = version + 1
where id = $1";

/// Ends a key for good.
pub(super) async fn revoke(tx: &Tx, id: Uuid) -> Result<()> {
    tx.run(REVOKE, [id.into(), tx.now().into()]).await?;
    Ok(())
}
