//! Who asks for a change of a schedule.

use axum::{extract::FromRequestParts, http::request::Parts};
use edge::{Authenticated, Label, LimitKey, Refusal};
use kernel::{Actor, Result};

use crate::{Schedules, draft::By};

/// The caller, with what it says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub actor: Actor,
    pub label: Label,
}

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Authenticated(actor) = Authenticated::from_request_parts(parts, state).await?;
        Ok(Self { actor, label: Label::from_request_parts(parts, state).await? })
    }
}

impl Who {
    /// Demands that the caller may change schedules at all, and counts the change: before the body is looked at.
    ///
    /// # Errors
    /// `forbidden`; `rate-limited`.
    pub async fn may_write(&self, cx: &Schedules) -> Result<()> {
        self.actor.require("schedule.write")?;
        cx.limiter.check(LimitKey { scope: "schedules", subject: &self.actor.identity() }, cx.rate).await
    }

    /// The creator that rows name.
    pub fn by(&self) -> By {
        By { identity: self.actor.identity(), owner: self.actor.user_id.0, label: self.label.0.clone() }
    }

    /// What executions name as their cause.
    pub fn cause(&self) -> String {
        let identity = self.actor.identity();
        self.label.as_deref().map_or_else(|| identity.clone(), |label| format!("{identity} ({label})"))
    }
}
