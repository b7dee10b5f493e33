//! The routes of this domain, one endpoint family per file, and the check of access tokens and API keys around all routes.

mod api_keys;
mod auth;
mod authenticate;
mod codes;
mod limits;
mod me;
mod plans;
mod trials;
mod view;

use edge::Idempotency;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

pub use self::authenticate::authenticate;
use crate::Accounts;

pub(crate) fn routes(accounts: &Accounts) -> OpenApiRouter<Accounts> {
    let once = Idempotency::new(accounts.db.clone());
    OpenApiRouter::new()
        .routes(routes!(auth::register))
        .routes(routes!(auth::login))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::logout))
        .routes(routes!(codes::verify_email))
        .routes(routes!(codes::resend_otp))
        .routes(routes!(codes::forgot_password))
        .routes(routes!(codes::reset_password))
        .routes(routes!(me::read_me, me::update_me, me::delete_me))
        .routes(routes!(plans::list_plans))
        .routes(routes!(plans::read_usage))
        .routes(routes!(trials::request_trial).layer(once.clone()))
        .routes(routes!(trials::grant_trials).layer(once))
        // No idempotency where a key is shown: the answers would be stored.
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::show, api_keys::change, api_keys::revoke))
        .routes(routes!(api_keys::rotate))
}
