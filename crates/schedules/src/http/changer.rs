//! Who changes something: permitted and counted before the body is looked at.

use axum::{extract::FromRequestParts, http::request::Parts};
use edge::{Label, LimitKey, Refusal};
use kernel::{Actor, Result};

use crate::{Schedules, who::Who};

/// A caller with the permission `schedule.write`, and what it says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Changer {
    pub actor: Actor,
    pub label: Label,
}

/// One with the permission `schedule.admin`.
#[derive(Clone, Debug)]
pub(crate) struct Administrator(pub Changer);

impl FromRequestParts<Schedules> for Changer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, cx: &Schedules) -> Result<Self, Refusal> {
        Self::with("schedule.write", parts, cx).await
    }
}

impl FromRequestParts<Schedules> for Administrator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, cx: &Schedules) -> Result<Self, Refusal> {
        Changer::with("schedule.admin", parts, cx).await.map(Self)
    }
}

impl Changer {
    async fn with(permission: &str, parts: &mut Parts, cx: &Schedules) -> Result<Self, Refusal> {
        let Who { actor, label } = Who::from_request_parts(parts, cx).await?;
        actor.require(permission)?;
        cx.limiter.check(LimitKey { scope: "schedules", subject: &actor.identity() }, cx.rate).await?;
        Ok(Self { actor, label })
    }

    /// Demands that the caller may change what is not its own.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn may_change(&self, created_by: &str) -> Result<()> {
        if created_by == self.actor.identity() { Ok(()) } else { self.actor.require("schedule.admin") }
    }
}
