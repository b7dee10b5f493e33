//! Rate limits: one GCRA per subject, in Redis, and in the process while Redis is away.

mod gcra;
mod local;
mod shared;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use kernel::{Clock, Problem, Result, kinds};
use sha2::{Digest as _, Sha256};

pub use self::gcra::Rate;
use self::{local::Local, shared::Shared};
use crate::{ClientIp, Refusal};

/// What is limited, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct LimitKey<'a> {
    /// What is limited: `login`, `api`.
    pub scope: &'static str,
    /// For whom: an address, a normalised e-mail, an id. Only its hash is kept.
    pub subject: &'a str,
}

/// Decides whether a call may go on. Cheap to clone.
#[derive(Clone)]
pub struct Limiter(Arc<Inner>);

struct Inner {
    clock: Clock,
    shared: Shared,
    local: Local,
}

impl Limiter {
    /// A limiter that shares its counts through `redis`. Connects when it is first asked.
    ///
    /// # Errors
    /// `internal-error` when the URL cannot be parsed; the URL is not repeated.
    pub fn new(redis: &config::Redis, clock: Clock) -> Result<Self> {
        Ok(Self(Arc::new(Inner { clock, shared: Shared::lazy(redis)?, local: Local::default() })))
    }

    /// Counts one call.
    ///
    /// # Errors
    /// `rate-limited` (429) with the time until the next call is let through. Never fails because Redis is away.
    pub async fn check(&self, key: LimitKey<'_>, rate: Rate) -> Result<()> {
        let Inner { clock, shared, local } = &*self.0;
        let now = clock.now().timestamp_micros();
        let name = hashed(key);
        let outcome = match shared.check(&name, rate, now).await {
            Some(outcome) => outcome,
            None => local.check(name, rate, now),
        };
        outcome.map_err(|wait| Problem::new(&kinds::RATE_LIMITED).retry_after(wait))
    }
}

/// The subject's hash is long enough that nobody finds a second one, and short enough for a key.
fn hashed(key: LimitKey<'_>) -> String {
    let digest = Sha256::digest(key.subject.as_bytes());
    let start = digest.iter().take(16).fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    format!("{}:{start:032x}", key.scope)
}

/// Limits every request to `routes` by the caller's address. Put [`crate::stack`] around it.
pub fn limited(routes: Router, limiter: Limiter, rate: Rate) -> Router {
    routes.layer(from_fn_with_state((limiter, rate), per_address))
}

async fn per_address(
    State((limiter, rate)): State<(Limiter, Rate)>,
    Extension(client): Extension<ClientIp>,
    request: Request,
    next: Next,
) -> Response {
    match limiter.check(LimitKey { scope: "api", subject: &client.subject() }, rate).await {
        Ok(()) => next.run(request).await,
        Err(problem) => Refusal(problem).into_response(),
    }
}
