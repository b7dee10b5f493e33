//! Who asks for a change: permitted, and counted, before the body is looked at.

use axum::{extract::FromRequestParts, http::request::Parts};
use edge::{Authenticated, Label, LimitKey, Refusal};
use kernel::{Actor, Result};

use crate::{Schedules, draft::By};

/// A caller with the permission `schedule.write`, and what it says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub actor: Actor,
    pub label: Label,
}

/// One with the permission `schedule.admin`.
#[derive(Clone, Debug)]
pub(crate) struct Administrator(pub Who);

impl FromRequestParts<Schedules> for Who {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, cx: &Schedules) -> Result<Self, Refusal> {
        Self::with("schedule.write", parts, cx).await
    }
}

impl FromRequestParts<Schedules> for Administrator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, cx: &Schedules) -> Result<Self, Refusal> {
        Who::with("schedule.admin", parts, cx).await.map(Self)
    }
}

impl Who {
    async fn with(permission: &str, parts: &mut Parts, cx: &Schedules) -> Result<Self, Refusal> {
        let Authenticated(actor) = Authenticated::from_request_parts(parts, cx).await?;
        actor.require(permission)?;
        cx.limiter.check(LimitKey { scope: "schedules", subject: &actor.identity() }, cx.rate).await?;
        Ok(Self { actor, label: Label::from_request_parts(parts, cx).await? })
    }

    /// Demands that the caller may change what `created_by` made.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn may_change(&self, created_by: &str) -> Result<()> {
        if created_by == self.actor.identity() { Ok(()) } else { self.actor.require("schedule.admin") }
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
