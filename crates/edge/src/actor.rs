//! Who is asking: the actor that the authentication layer found.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::FromRequestParts,
    http::{Extensions, request::Parts},
};
use kernel::{Actor, Problem, UserId, kinds};

use crate::Refusal;

/// The caller, who must be known.
///
/// Refuses with `unauthenticated` (401, `WWW-Authenticate: Bearer`).
#[derive(Clone, Debug)]
pub struct Authenticated(pub Actor);

/// Where the log line of a request learns who made it: filled further in than the line is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallerSlot(Arc<OnceLock<UserId>>);

impl CallerSlot {
    pub fn get(&self) -> Option<UserId> {
        self.0.get().copied()
    }
}

/// Makes `actor` the caller of the request: for the authentication layer, once the token is verified.
pub fn authenticate(request: &mut Extensions, actor: Actor) {
    if let Some(CallerSlot(slot)) = request.get() {
        let _ = slot.set(actor.user_id); // the first one stays
    }
    request.insert(actor);
}

impl<S: Send + Sync> FromRequestParts<S> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let actor = parts.extensions.get::<Actor>().cloned();
        Ok(Self(actor.ok_or_else(|| Problem::new(&kinds::UNAUTHENTICATED))?))
    }
}
