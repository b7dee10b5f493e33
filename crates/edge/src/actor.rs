//! Who is asking: the actor that the authentication layer found.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::FromRequestParts,
    http::{Extensions, request::Parts},
};
use kernel::{Actor, Problem, UserId, kinds};
use uuid::Uuid;

use crate::Refusal;

/// The caller, who must be known.
///
/// Refuses with `unauthenticated` (401, `WWW-Authenticate: Bearer`).
#[derive(Clone, Debug)]
pub struct Authenticated(pub Actor);

/// The caller, who must be a person: for what is one's own, such as the account or the plan. An API key does what a permission
/// is named for, and nothing else.
///
/// Refuses with `unauthenticated` (401), and with `forbidden` (403) for an API key.
#[derive(Clone, Debug)]
pub struct Person(pub Actor);

/// Where the log line of a request learns who made it: filled further in than the line is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallerSlot(Arc<OnceLock<Caller>>);

/// Whom the log line names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub user_id: UserId,
    /// The API key by which the account's owner came.
    pub key: Option<Uuid>,
}

impl CallerSlot {
    pub fn get(&self) -> Option<Caller> {
        self.0.get().copied()
    }
}

/// Makes `actor` the caller of the request: for the authentication layer, once the token is verified.
pub fn authenticate(request: &mut Extensions, actor: Actor) {
    if let Some(CallerSlot(slot)) = request.get() {
        let _ = slot.set(Caller { user_id: actor.user_id, key: actor.key.as_ref().map(|key| key.id) }); // the first one stays
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

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Authenticated(actor) = Authenticated::from_request_parts(parts, state).await?;
        if actor.key.is_some() {
            return Err(Problem::new(&kinds::FORBIDDEN).detail("an API key cannot do this: log in as a person").into());
        }
        Ok(Self(actor))
    }
}
