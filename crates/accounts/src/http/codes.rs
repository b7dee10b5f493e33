//! What one-time codes are for: confirming an address, and setting a new password.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use edge::{ClientIp, Json, Reply};
use garde::Validate;
use kernel::{Problem, Result, UserId, kinds};
use serde::Deserialize;
use store::Tx;
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;

use super::{limits::Limited, view::TokenView};
use crate::{
    Accounts,
    code::Purpose,
    email::EmailAddress,
    password::Password,
    problems,
    session::{self, Ended},
    user,
};

/// Requests for a code are answered after this long, so that the time does not tell whether there is such an account.
const ANSWER_AFTER: Duration = Duration::from_millis(150);

/// An address and the code that was mailed to it.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verification {
    #[garde(dive)]
    email: EmailAddress,
    /// Six digits.
    #[garde(length(chars, max = 16))]
    #[schema(max_length = 16, example = "123456")]
    otp: String,
}

/// Confirms an address with the code that was mailed to it, and opens a session.
///
/// A code is valid for ten minutes and five tries. Wrong, used, expired and replaced codes get the same answer.
#[utoipa::path(post, path = "/api/v1/auth/verify-email", tag = "auth", security(()), request_body = Verification,
    responses((status = 200, body = TokenView), (status = 422, body = edge::ProblemDetails, content_type = "application/problem+json", description = "`invalid-code`")))]
pub(super) async fn verify_email(
    State(accounts): State<Accounts>,
    client: ClientIp,
    Json(given): Json<Verification>,
) -> Reply<Json<TokenView>> {
    accounts.limit(Limited::Verify, client, &given.email).await?;
    let verify = async |tx: Tx| {
        let Some(id) = accounts.redeem(&tx, &given.email, (Purpose::Verify, &given.otp)).await? else {
            return Ok(None); // committed: the try counts
        };
        user::set_verified(&tx, id).await?;
        let user = user::by_id(&tx, id).await?.ok_or_else(problems::account_gone)?;
        accounts.open_session(&tx, user.id, user.role).await.map(Some)
    };
    let opened = accounts.db.tx(verify).await?.ok_or_else(invalid_code)?;
    Ok(Json(accounts.tokens(opened)?))
}

/// Where to mail a code.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeRequest {
    #[garde(dive)]
    email: EmailAddress,
}

/// Mails a new code to an address that is not confirmed yet; the old code becomes void.
///
/// The answer is the same whether there is such an account or not. An account gets at most five codes an hour.
#[utoipa::path(post, path = "/api/v1/auth/resend-otp", tag = "auth", security(()), request_body = CodeRequest,
    responses((status = 202)))]
pub(super) async fn resend_otp(
    State(accounts): State<Accounts>,
    client: ClientIp,
    Json(given): Json<CodeRequest>,
) -> Reply<StatusCode> {
    accounts.limit(Limited::Resend, client, &given.email).await?;
    send_code(&accounts, &given.email, Purpose::Verify).await
}

/// Mails a code for setting a new password.
///
/// The answer is the same whether there is such an account or not. An account gets at most five codes an hour.
#[utoipa::path(post, path = "/api/v1/auth/password/forgot", tag = "auth", security(()), request_body = CodeRequest,
    responses((status = 202)))]
pub(super) async fn forgot_password(
    State(accounts): State<Accounts>,
    client: ClientIp,
    Json(given): Json<CodeRequest>,
) -> Reply<StatusCode> {
    accounts.limit(Limited::Forgot, client, &given.email).await?;
    send_code(&accounts, &given.email, Purpose::Reset).await
}

async fn send_code(accounts: &Accounts, email: &EmailAddress, purpose: Purpose) -> Reply<StatusCode> {
    let answer_at = Instant::now() + ANSWER_AFTER;
    let issue = async |tx: Tx| {
        let user = user::lock_by_email(&tx, email).await?;
        let user = user.filter(|user| purpose == Purpose::Reset || user.email_verified_at.is_none());
        match user {
            Some(user) => accounts.issue_code(&tx, user.id.into(), purpose).await,
            None => Ok(()),
        }
    };
    let outcome = accounts.db.tx(issue).await;
    sleep_until(answer_at).await;
    match outcome {
        Err(problem) if !problem.is(&kinds::RATE_LIMITED) => Err(problem.into()),
        // Too many codes: not told either, since it would tell that there is such an account.
        _ => Ok(StatusCode::ACCEPTED),
    }
}

/// A new password, and the code that allows it.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordReset {
    #[garde(dive)]
    email: EmailAddress,
    /// Six digits.
    #[garde(length(chars, max = 16))]
    #[schema(max_length = 16, example = "123456")]
    otp: String,
    #[garde(dive)]
    new_password: Password,
}

/// Sets a new password with a mailed code, and ends all sessions.
///
/// It confirms the address too: the code has shown whose it is.
#[utoipa::path(post, path = "/api/v1/auth/password/reset", tag = "auth", security(()), request_body = PasswordReset,
    responses((status = 204), (status = 422, body = edge::ProblemDetails, content_type = "application/problem+json", description = "`invalid-code`")))]
pub(super) async fn reset_password(
    State(accounts): State<Accounts>,
    client: ClientIp,
    Json(given): Json<PasswordReset>,
) -> Reply<StatusCode> {
    accounts.limit(Limited::Reset, client, &given.email).await?;
    let hash = accounts.hasher.hash(&given.new_password).await?;
    let reset = async |tx: Tx| {
        let id = accounts.redeem(&tx, &given.email, (Purpose::Reset, &given.otp)).await?;
        if let Some(id) = id {
            set_new_password(&tx, id, hash.clone()).await?;
        }
        Ok(id) // committed in both cases: the try counts
    };
    let id = accounts.db.tx(reset).await?.ok_or_else(invalid_code)?;
    accounts.gate.forget_user(id);
    Ok(StatusCode::NO_CONTENT)
}

async fn set_new_password(tx: &Tx, id: UserId, hash: String) -> Result<()> {
    user::set_password(tx, id, hash).await?;
    user::set_verified(tx, id).await?;
    session::revoke_all(tx, id, None, Ended::PasswordChange).await
}

fn invalid_code() -> Problem {
    Problem::new(&problems::INVALID_CODE)
}
