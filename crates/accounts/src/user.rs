//! The rows of `users`: how accounts begin, change and end.

use chrono::{DateTime, Utc};
use kernel::{Result, UserId};
use schedules::time::Zone;
use sea_orm::{ConnectionTrait, FromQueryResult};
use store::{Sql, Tx, on_constraint};
use uuid::Uuid;

use crate::{email::EmailAddress, problems};

/// An account that is not deleted.
#[derive(Clone, FromQueryResult)]
pub(crate) struct User {
    pub id: Uuid,
    pub email: String,
    /// In PHC format; empty when no password opens the account.
    pub password_hash: String,
    pub role: String,
    pub timezone: String,
    pub email_verified_at: Option<DateTime<Utc>>,
    pub plan: String,
    pub trial_ends_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// The role of those who register.
pub(crate) const READER: &str = "reader";

/// An account to be.
pub(crate) struct NewUser<'a> {
    pub email: &'a EmailAddress,
    pub password_hash: String,
    pub role: &'a str,
    pub timezone: Option<Zone>,
    /// Whether the address needs no confirmation, since an operator vouches for it.
    pub verified_at: Option<DateTime<Utc>>,
}

macro_rules! user_where {
    ($condition:literal) => {
        concat!(
            "select id, email, password_hash, role, timezone, email_verified_at, plan, trial_ends_at, created_at ",
            "from users where deleted_at is null and ",
            $condition
        )
    };
}

const BY_ID: &str = user_where!("id = $1");
const BY_EMAIL: &str = user_where!("lower(email) = $1");
const BY_ID_LOCKED: &str = user_where!("id = $1 for update");
const BY_EMAIL_LOCKED: &str = user_where!("lower(email) = $1 for update");

pub(crate) async fn by_id<C: ConnectionTrait>(db: &C, id: UserId) -> Result<Option<User>> {
    db.query_opt(BY_ID, [id.0.into()]).await
}

pub(crate) async fn by_email<C: ConnectionTrait>(db: &C, email: &EmailAddress) -> Result<Option<User>> {
    db.query_opt(BY_EMAIL, [email.as_str().into()]).await
}

/// Holds the account until the transaction ends: nothing about it changes meanwhile.
pub(crate) async fn lock(tx: &Tx, id: UserId) -> Result<Option<User>> {
    tx.query_opt(BY_ID_LOCKED, [id.0.into()]).await
}

/// [`lock`] by address.
pub(crate) async fn lock_by_email(tx: &Tx, email: &EmailAddress) -> Result<Option<User>> {
    tx.query_opt(BY_EMAIL_LOCKED, [email.as_str().into()]).await
}

const INSERT: &str = "
insert into users (id, email, password_hash, role, timezone, email_verified_at, period_anchor, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $7, $7)";

/// Opens an account.
///
/// # Errors
/// `email-taken` when the address has one.
pub(crate) async fn insert(tx: &Tx, new: NewUser<'_>) -> Result<UserId> {
    let id = UserId::new();
    let values = [
        id.0.into(),
        new.email.as_str().into(),
        new.password_hash.into(),
        new.role.into(),
        new.timezone.unwrap_or_default().name().into(),
        new.verified_at.into(),
        tx.now().into(),
    ];
    tx.run(INSERT, values).await.map_err(on_constraint("users_email", &problems::EMAIL_TAKEN))?;
    Ok(id)
}

const SET_PASSWORD: &str = "update users set password_hash = $2, updated_at = $3 where id = $1 and deleted_at is null";

pub(crate) async fn set_password(tx: &Tx, id: UserId, hash: String) -> Result<()> {
    tx.run(SET_PASSWORD, [id.0.into(), hash.into(), tx.now().into()]).await?;
    Ok(())
}

const SET_TIMEZONE: &str = "update users set timezone = $2, updated_at = $3 where id = $1 and deleted_at is null";

pub(crate) async fn set_timezone(tx: &Tx, id: UserId, zone: Zone) -> Result<()> {
    tx.run(SET_TIMEZONE, [id.0.into(), zone.name().into(), tx.now().into()]).await?;
    Ok(())
}

const VERIFY: &str = "
update users set email_verified_at = $2, updated_at = $2 where id = $1 and email_verified_at is null";

/// Notes that the address is confirmed.
pub(crate) async fn set_verified(tx: &Tx, id: UserId) -> Result<()> {
    tx.run(VERIFY, [id.0.into(), tx.now().into()]).await?;
    Ok(())
}

const DELETE: &str = "
update users
set deleted_at = $2, updated_at = $2, email = 'deleted-' || id || '@deleted.invalid', password_hash = '', timezone = 'UTC',
    email_verified_at = null
where id = $1 and deleted_at is null";

const DELETE_CODES: &str = "delete from one_time_codes where user_id = $1";

/// Ends the account and forgets who it was. The row stays for what refers to it.
pub(crate) async fn delete(tx: &Tx, id: UserId) -> Result<()> {
    tx.run(DELETE, [id.0.into(), tx.now().into()]).await?;
    tx.run(DELETE_CODES, [id.0.into()]).await?;
    Ok(())
}
