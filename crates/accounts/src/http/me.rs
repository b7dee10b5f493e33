//! The reader's own account.

use axum::{extract::State, http::StatusCode};
use edge::{ClientIp, Json, Person, Reply};
use garde::Validate;
use kernel::{Actor, Problem, Result, kinds};
use schedules::time::Zone;
use serde::Deserialize;
use store::Tx;
use utoipa::ToSchema;

use super::{limits::Limited, view::UserView};
use crate::{
    Accounts,
    password::Password,
    problems::account_gone,
    session::{self, Ended},
    trial,
    user::{self, User},
};

/// Reads the caller's account.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", responses((status = 200, body = UserView)))]
pub(super) async fn read_me(State(accounts): State<Accounts>, Person(actor): Person) -> Reply<Json<UserView>> {
    let user = user::by_id(accounts.db.conn(), actor.user_id).await?.ok_or_else(account_gone)?;
    Ok(Json(UserView::new(user, accounts.db.clock().now())?))
}

/// What to change; absent fields stay.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changes {
    /// An IANA time zone.
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "Europe/Berlin")]
    timezone: Option<Zone>,
    /// Needed for a new password.
    #[garde(skip)]
    current_password: Option<Password>,
    /// Ends all other sessions.
    #[garde(dive)]
    new_password: Option<Password>,
}

/// Changes the caller's time zone, password, or both.
#[utoipa::path(patch, path = "/api/v1/me", tag = "me", request_body = Changes, responses((status = 200, body = UserView)))]
pub(super) async fn update_me(
    State(accounts): State<Accounts>,
    Person(actor): Person,
    client: ClientIp,
    Json(changes): Json<Changes>,
) -> Reply<Json<UserView>> {
    let before = user::by_id(accounts.db.conn(), actor.user_id).await?.ok_or_else(account_gone)?;
    let hash = match &changes.new_password {
        Some(new) => {
            accounts.limit(Limited::ChangePassword, client, &before.email.as_str().into()).await?;
            check_password(&accounts, &before, changes.current_password.as_ref()).await?;
            Some(accounts.hasher.hash(new).await?)
        }
        None => None,
    };
    let user =
        accounts.db.tx(async |tx: Tx| change(&tx, &actor, &before, (changes.timezone, hash.clone())).await).await?;
    if hash.is_some() {
        accounts.gate.forget_user(actor.user_id);
    }
    Ok(Json(UserView::new(user, accounts.db.clock().now())?))
}

async fn check_password(accounts: &Accounts, user: &User, given: Option<&Password>) -> Result<()> {
    let wrong = |what: &str| Problem::new(&kinds::VALIDATION_FAILED).field("/current_password", what);
    let given = given.ok_or_else(|| wrong("is required for a new password"))?;
    if accounts.hasher.verify(given, Some(&user.password_hash)).await? { Ok(()) } else { Err(wrong("is wrong")) }
}

async fn change(tx: &Tx, actor: &Actor, before: &User, (zone, hash): (Option<Zone>, Option<String>)) -> Result<User> {
    let id = actor.user_id;
    let present = user::lock(tx, id).await?.ok_or_else(account_gone)?;
    if let Some(zone) = zone {
        user::set_timezone(tx, id, zone).await?;
    }
    if let Some(hash) = hash {
        if present.password_hash != before.password_hash {
            return Err(Problem::new(&kinds::CONFLICT).detail("the password was changed meanwhile"));
        }
        user::set_password(tx, id, hash).await?;
        session::revoke_all(tx, id, Some(actor.session_id), Ended::PasswordChange).await?;
    }
    user::by_id(tx, id).await?.ok_or_else(account_gone)
}

/// Deletes the caller's account: its address and password are erased, and its sessions and API keys end.
///
/// Where it had a trial, a keyed hash of the address is kept: a trial can be had once ever.
#[utoipa::path(delete, path = "/api/v1/me", tag = "me", responses((status = 204)))]
pub(super) async fn delete_me(State(accounts): State<Accounts>, Person(actor): Person) -> Reply<StatusCode> {
    let delete = async |tx: Tx| {
        if let Some(user) = user::lock(&tx, actor.user_id).await? {
            trial::tag(&tx, actor.user_id, accounts.address_tag(&user.email)?).await?;
        }
        user::delete(&tx, actor.user_id).await?;
        session::revoke_all(&tx, actor.user_id, None, Ended::AccountDeletion).await
    };
    accounts.db.tx(delete).await?;
    accounts.gate.forget_user(actor.user_id);
    accounts.key_gate.forget_owner(actor.user_id);
    Ok(StatusCode::NO_CONTENT)
}
