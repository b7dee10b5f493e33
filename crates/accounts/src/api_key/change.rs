//! Making, changing, rotating and revoking keys. Each leaves its line in the audit log, in the same transaction.

use std::{collections::BTreeSet, time::Duration};

use audit::Change;
use chrono::{DateTime, Utc};
use edge::IfMatch;
use kernel::{Actor, Problem, Result, kinds};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use store::{Sql, Tx};
use uuid::Uuid;

use super::{ADMIN, ApiKey, Token, stored};
use crate::{Accounts, problems};

/// The most characters of a name.
pub(crate) const LONGEST_NAME: usize = 100;
/// The most scopes of a key.
pub(crate) const MOST_SCOPES: usize = 50;

/// A key to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// 1 to 100 characters.
    pub name: String,
    /// Permissions, each one of the maker's own.
    pub scopes: Vec<String>,
    /// When it stops working by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewKey {
    /// What the routes check as they read a body.
    ///
    /// # Errors
    /// `validation-failed` naming the name or the scopes.
    pub(super) fn check(&self) -> Result<()> {
        let mut problem = Problem::new(&kinds::VALIDATION_FAILED);
        if !(1..=LONGEST_NAME).contains(&self.name.chars().count()) || !is_readable(&self.name) {
            problem = problem.field("/name", "must be 1 to 100 printable characters without spaces at its ends");
        }
        if !(1..=MOST_SCOPES).contains(&self.scopes.len()) {
            problem = problem.field("/scopes", "must name 1 to 50 permissions");
        }
        if problem.errors().is_empty() { Ok(()) } else { Err(problem) }
    }
}

/// Whether people can tell `name` from others by looking at it.
pub(crate) fn is_readable(name: &str) -> bool {
    name.trim() == name && !name.chars().any(char::is_control)
}

/// What to change of a key; `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyChanges {
    pub name: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub expires_at: Expiry,
}

/// What becomes of a key's expiry: JSON tells null from absent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Expiry {
    /// It stays.
    #[default]
    Kept,
    /// From now on it is this; `None`: the key does not expire any more.
    Set(Option<DateTime<Utc>>),
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Option::deserialize(value).map(Self::Set)
    }
}

/// Who does it.
#[derive(Clone, Copy)]
pub(crate) struct By<'a> {
    pub actor: &'a Actor,
    pub label: Option<&'a str>,
}

/// A key with the only copy of its text.
pub struct Shown {
    /// What may be seen at any time.
    pub key: ApiKey,
    /// What has to be kept now.
    pub text: kernel::Secret,
}

impl Accounts {
    /// Makes a key of the actor's.
    ///
    /// # Errors
    /// `validation-failed` naming a scope or the expiry; `api-key-name-taken`.
    pub(crate) async fn create_key(&self, tx: &Tx, by: By<'_>, mut new: NewKey) -> Result<Shown> {
        new.scopes = checked_scopes(tx, by.actor, &new.scopes).await?;
        check_expiry(tx, new.expires_at)?;
        let token = Token::issue(Uuid::now_v7(), &self.rng);
        stored::insert(tx, by.actor.user_id, &new, &token).await?;
        let key = recorded(tx, by, Step { action: "api_key.create", id: token.id, before: None }).await?;
        Ok(Shown { key, text: token.text() })
    }

    /// Gives a key a new secret. The old one works for `grace` longer.
    ///
    /// # Errors
    /// `not-found`; `api-key-revoked`; `forbidden` for the key of another who may do more than the actor.
    pub(crate) async fn rotate_key(&self, tx: &Tx, by: By<'_>, (id, grace): (Uuid, Duration)) -> Result<Shown> {
        let before = live(tx, id).await?;
        let foreign = before.owner_id != by.actor.user_id.0;
        if let Some(scope) = before.scopes.iter().find(|scope| foreign && !by.actor.may(scope)) {
            let detail = format!("whoever rotates this key sees it, and it may do {scope}, which you may not");
            return Err(Problem::new(&kinds::FORBIDDEN).detail(detail));
        }
        let token = Token::issue(id, &self.rng);
        stored::rotate(tx, &token, (!grace.is_zero()).then(|| tx.now() + grace)).await?;
        let key = recorded(tx, by, Step { action: "api_key.rotate", id, before: Some(before.audited()) }).await?;
        Ok(Shown { key, text: token.text() })
    }
}

/// Changes a key.
///
/// # Errors
/// `not-found`; `precondition-failed`; `api-key-revoked`; as for a new one.
pub(crate) async fn update(tx: &Tx, by: By<'_>, (id, seen): (Uuid, &IfMatch), changes: KeyChanges) -> Result<ApiKey> {
    let before = live(tx, id).await?;
    seen.check(before.version)?;
    let mut key = before.clone();
    if let Some(name) = changes.name {
        key.name = name;
    }
    if let Some(scopes) = changes.scopes {
        key.scopes = checked_scopes(tx, by.actor, &scopes).await?;
    }
    if let Expiry::Set(expires_at) = changes.expires_at {
        check_expiry(tx, expires_at)?;
        key.expires_at = expires_at;
    }
    if key.audited() == before.audited() {
        return Ok(before);
    }
    stored::update(tx, &key).await?;
    recorded(tx, by, Step { action: "api_key.update", id, before: Some(before.audited()) }).await
}

/// Revokes a key; one that is revoked already stays as it is.
///
/// # Errors
/// `not-found`.
pub(crate) async fn revoke(tx: &Tx, by: By<'_>, id: Uuid) -> Result<()> {
    let before = stored::lock(tx, id).await?.ok_or_else(no_such)?;
    if before.revoked_at.is_none() {
        stored::revoke(tx, id).await?;
        recorded(tx, by, Step { action: "api_key.revoke", id, before: Some(before.audited()) }).await?;
    }
    Ok(())
}

pub(crate) fn no_such() -> Problem {
    Problem::new(&kinds::NOT_FOUND).detail("there is no such key")
}

async fn live(tx: &Tx, id: Uuid) -> Result<ApiKey> {
    let key = stored::lock(tx, id).await?.ok_or_else(no_such)?;
    if key.revoked_at.is_some() {
        return Err(Problem::new(&problems::API_KEY_REVOKED));
    }
    Ok(key)
}

/// What was done to a key.
struct Step {
    action: &'static str,
    id: Uuid,
    before: Option<Value>,
}

/// The key as it is now, once its line is in the log.
async fn recorded(tx: &Tx, By { actor, label }: By<'_>, step: Step) -> Result<ApiKey> {
    let key = stored::find(tx, step.id).await?.ok_or_else(no_such)?;
    let after = key.audited();
    let (before, target) = (step.before.as_ref(), format!("api_key:{}", step.id));
    audit::record(tx, Change { actor, label, action: step.action, target, before, after: Some(&after) }).await?;
    Ok(key)
}

fn check_expiry(tx: &Tx, expires_at: Option<DateTime<Utc>>) -> Result<()> {
    if expires_at.is_some_and(|at| at <= tx.now()) {
        return Err(Problem::new(&kinds::VALIDATION_FAILED).field("/expires_at", "must be in the future"));
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Known {
    permission: String,
}

const KNOWN: &str = "select distinct permission from role_permissions where permission = any($1)";

/// The scopes in order and without repetitions, once each is one that `actor` can give.
async fn checked_scopes(tx: &Tx, actor: &Actor, scopes: &[String]) -> Result<Vec<String>> {
    let known: Vec<Known> = tx.query(KNOWN, [scopes.to_vec().into()]).await?;
    let known: BTreeSet<String> = known.into_iter().map(|row| row.permission).collect();
    let wrong = scopes.iter().enumerate().filter_map(|(at, scope)| {
        let message = if !known.contains(scope) {
            "is not a permission that exists"
        } else if scope == ADMIN {
            "cannot be given: a key never manages keys"
        } else if !actor.may(scope) {
            "is not one of your own permissions"
        } else {
            return None;
        };
        Some((format!("/scopes/{at}"), message))
    });
    let wrong = wrong.fold(None, |problem: Option<Problem>, (pointer, message)| {
        Some(problem.unwrap_or_else(|| Problem::new(&kinds::VALIDATION_FAILED)).field(pointer, message))
    });
    match wrong {
        Some(problem) => Err(problem),
        None => Ok(scopes.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()),
    }
}
