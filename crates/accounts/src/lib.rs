//! Accounts: who people are, what they may do, and what their plan lets them use.
//!
//! Owns the tables `users`, `roles`, `role_permissions`, `sessions`, `refresh_tokens`, `api_keys`, `one_time_codes`,
//! `usage_counters` and `trials`. Its invariants:
//! - An address belongs to at most one account that is not deleted; deleting an account erases its address (a keyed hash
//!   stays where there was a trial). A password that was set before the address was confirmed counts only if every
//!   registration of the address gave the same one.
//! - Passwords, refresh tokens, API keys and one-time codes are stored as hashes only; a code is derived from its id when it is mailed.
//! - An access token is worth nothing without its session: a revoked one stops working within [`gate::SESSION_TTL`].
//!   The same holds for an API key, which may do what its scopes name as far as its owner may, and never manages keys.
//! - A reader has at most one live code per purpose, tries it at most five times, and has at most one trial ever.
//! - A counter never passes the limit of the plan that counts at that instant ([`usage::spend`]).

mod api_key;
mod code;
mod email;
mod gate;
mod http;
mod jobs;
mod keys;
mod password;
mod plan;
pub mod problems;
mod seed;
mod session;
mod stale;
mod token;
mod trial;
pub mod usage;
mod user;

use std::sync::Arc;

use ::jobs::Registry;
use config::Config;
use edge::{Limiter, Rate};
use kernel::{Result, Rng};
use notify::Mailer;
use schedules::Recurring;
use store::Db;
use utoipa_axum::router::OpenApiRouter;

pub use api_key::{ApiKey, NewKey, Shown};
pub use email::EmailAddress;
pub use http::authenticate;
pub use password::Password;
pub use plan::{Feature, PERIOD_DAYS, Plan};
pub use seed::{DEMO_PASSWORD, DemoLogin, NewAdmin, create_admin, seed};

use crate::{api_key::KeyGate, gate::Gate, keys::Keys, password::Hasher, token::AccessTokens};

/// The services of this domain: the state of its routes and what its jobs run with. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) db: Db,
    pub(crate) rng: Rng,
    pub(crate) mailer: Mailer,
    pub(crate) limiter: Limiter,
    pub(crate) auth_rate: Rate,
    pub(crate) settings: Arc<config::Accounts>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) hasher: Hasher,
    pub(crate) tokens: Arc<AccessTokens>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) key_gate: Arc<KeyGate>,
}

/// What accounts are built on.
pub struct Foundations {
    /// The database, which knows the clock.
    pub db: Db,
    /// Where tokens, salts and the ids of codes come from.
    pub rng: Rng,
    /// Sends the mails.
    pub mailer: Mailer,
    /// Counts calls of the auth routes.
    pub limiter: Limiter,
}

impl Accounts {
    /// The services, as `config` says.
    ///
    /// # Errors
    /// `internal-error` when no keys can be derived from the secret key.
    pub fn new(config: &Config, on: Foundations) -> Result<Self> {
        let keys = Keys::derive(&config.secret_key)?;
        Ok(Self {
            auth_rate: Rate::per_minute(config.http.auth_rate_limit_per_minute),
            settings: Arc::new(config.accounts.clone()),
            hasher: Hasher::new(on.rng.clone()),
            tokens: Arc::new(AccessTokens::new(&keys, config.accounts.access_token_ttl, on.rng.clone())),
            gate: Arc::default(),
            key_gate: Arc::default(),
            keys: Arc::new(keys),
            db: on.db,
            rng: on.rng,
            mailer: on.mailer,
            limiter: on.limiter,
        })
    }
}

/// The routes of this domain, by their full paths. Put [`authenticate`] around all routes of the process.
pub fn routes(accounts: &Accounts) -> OpenApiRouter<Accounts> {
    http::routes(accounts)
}

/// The jobs of this domain.
pub fn jobs(registry: &mut Registry, accounts: &Accounts) {
    jobs::register(registry, accounts);
}

/// The recurring jobs of this domain.
pub fn recurring() -> Vec<Recurring> {
    jobs::recurring()
}
