//! Registration, login, and the life of a session.

use axum::{extract::State, http::StatusCode};
use edge::{ClientIp, Created, Json, Person, Reply};
use garde::Validate;
use kernel::{Problem, Result};
use schedules::time::Zone;
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::ToSchema;

use super::{
    limits::Limited,
    view::{NewUserView, TokenView},
};
use crate::{
    Accounts,
    code::Purpose,
    email::EmailAddress,
    password::Password,
    plan::Plan,
    problems::{self, invalid_credentials},
    session::{self, Ended, Refresh},
    trial,
    user::{self, NewUser, READER},
};

/// Who wants an account.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    #[garde(dive)]
    email: EmailAddress,
    #[garde(dive)]
    password: Password,
    /// An IANA time zone; UTC without one.
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "Europe/Berlin")]
    timezone: Option<Zone>,
}

/// The new account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Registered {
    user: NewUserView,
}

/// Registers an account and mails a code to its address.
///
/// Confirm the address with the code before the first login. An address whose account is confirmed is refused
/// (`email-taken`). One that was registered but never confirmed can be registered again, and a new code is mailed. Was that
/// with another password, then nobody knows whose is whose: the code confirms the address and opens a session, but none of
/// the passwords counts, and a new one is set with `/api/v1/auth/password/forgot`.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "auth", security(()), request_body = Registration,
    responses((status = 201, body = Registered), (status = 409, body = edge::ProblemDetails, content_type = "application/problem+json", description = "`email-taken`")))]
pub(super) async fn register(
    State(accounts): State<Accounts>,
    client: ClientIp,
    Json(new): Json<Registration>,
) -> Reply<Created<Registered>> {
    accounts.limit(Limited::Register, client, &new.email).await?;
    let before = user::by_email(accounts.db.conn(), &new.email).await?;
    let old_hash = before.map(|user| user.password_hash);
    let same = accounts.hasher.verify(&new.password, old_hash.as_deref()).await?;
    let hashes = Hashes { same_as: old_hash.filter(|_| same), new: accounts.hasher.hash(&new.password).await? };
    accounts.db.tx(async |tx: Tx| open_account(&accounts, &tx, &new, &hashes).await).await?;
    let user = NewUserView {
        email: new.email.as_str().to_owned(),
        email_verified: false,
        role: READER,
        timezone: new.timezone.unwrap_or_default().name().to_owned(),
        plan: Plan::Free,
        created_at: accounts.db.clock().now(),
    };
    Ok(Created { location: "/api/v1/me".to_owned(), body: Registered { user } })
}

/// The password of a registration.
struct Hashes {
    new: String,
    /// The stored hash that it was found to fit.
    same_as: Option<String>,
}

/// Whoever reads the mails to an address owns it, and cannot tell which of two registrations a code came from. So when
/// their passwords differ, none may count: else a stranger who registers the address in between would have the account.
async fn open_account(accounts: &Accounts, tx: &Tx, new: &Registration, hashes: &Hashes) -> Result<()> {
    let id = match user::lock_by_email(tx, &new.email).await? {
        None => {
            let row = NewUser {
                email: &new.email,
                password_hash: hashes.new.clone(),
                role: READER,
                timezone: new.timezone,
                verified_at: None,
            };
            let id = user::insert(tx, row).await?;
            trial::carry_over(tx, id, accounts.address_tag(new.email.as_str())?).await?;
            id
        }
        Some(known) if known.email_verified_at.is_some() => return Err(Problem::new(&problems::EMAIL_TAKEN)),
        Some(unconfirmed) => {
            let id = unconfirmed.id.into();
            if hashes.same_as.as_ref() != Some(&unconfirmed.password_hash) {
                user::set_password(tx, id, String::new()).await?; // which no password fits
            }
            if let Some(zone) = new.timezone {
                user::set_timezone(tx, id, zone).await?;
            }
            id
        }
    };
    accounts.issue_code(tx, id, Purpose::Verify).await
}

/// Who wants to log in.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    #[garde(dive)]
    email: EmailAddress,
    #[garde(skip)]
    password: Password,
}

/// Opens a session.
///
/// A wrong password and an unknown address get the same answer in the same time. `email-not-verified` is told only to
/// whoever knows the password.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", security(()), request_body = Credentials,
    responses((status = 200, body = TokenView), (status = 401, body = edge::ProblemDetails, content_type = "application/problem+json", description = "`invalid-credentials`"),
        (status = 403, body = edge::ProblemDetails, content_type = "application/problem+json", description = "`email-not-verified`")))]
pub(super) async fn login(
    State(accounts): State<Accounts>,
    client: ClientIp,
    Json(given): Json<Credentials>,
) -> Reply<Json<TokenView>> {
    accounts.limit(Limited::Login, client, &given.email).await?;
    let user = user::by_email(accounts.db.conn(), &given.email).await?;
    let hash = user.as_ref().map(|user| user.password_hash.as_str());
    let right = accounts.hasher.verify(&given.password, hash).await?;
    let user = user.filter(|_| right).ok_or_else(invalid_credentials)?;
    if user.email_verified_at.is_none() {
        return Err(Problem::new(&problems::EMAIL_NOT_VERIFIED).into());
    }
    let open = async |tx: Tx| {
        // The password may have been changed while it was being verified.
        let present = user::lock(&tx, user.id.into()).await?;
        let present = present.filter(|present| present.password_hash == user.password_hash);
        let present = present.ok_or_else(invalid_credentials)?;
        accounts.open_session(&tx, present.id, present.role).await
    };
    let opened = accounts.db.tx(open).await?;
    Ok(Json(accounts.tokens(opened)?))
}

/// A refresh token to exchange.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    #[garde(length(min = 1, max = 128))]
    #[schema(min_length = 1, max_length = 128)]
    refresh_token: String,
}

/// Exchanges a refresh token for new tokens.
///
/// Each refresh token works once. One that is used again may be stolen: the whole session ends.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", security(()), request_body = RefreshRequest,
    responses((status = 200, body = TokenView), (status = 401, body = edge::ProblemDetails, content_type = "application/problem+json", description = "`invalid-refresh-token`")))]
pub(super) async fn refresh(
    State(accounts): State<Accounts>,
    Json(given): Json<RefreshRequest>,
) -> Reply<Json<TokenView>> {
    let outcome = accounts.db.tx(async |tx: Tx| accounts.rotate(&tx, &given.refresh_token).await).await?;
    match outcome {
        Refresh::Rotated(opened) => Ok(Json(accounts.tokens(opened)?)),
        Refresh::Reused { session_id } => {
            accounts.gate.forget(session_id);
            tracing::warn!(%session_id, "a refresh token was used twice; its session has ended");
            Err(Problem::new(&problems::INVALID_REFRESH_TOKEN).into())
        }
        Refresh::Invalid => Err(Problem::new(&problems::INVALID_REFRESH_TOKEN).into()),
    }
}

/// Ends the session that the access token belongs to.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", responses((status = 204)))]
pub(super) async fn logout(State(accounts): State<Accounts>, Person(actor): Person) -> Reply<StatusCode> {
    accounts.db.tx(async |tx: Tx| session::revoke(&tx, actor.session_id, Ended::Logout).await).await?;
    accounts.gate.forget(actor.session_id);
    Ok(StatusCode::NO_CONTENT)
}
