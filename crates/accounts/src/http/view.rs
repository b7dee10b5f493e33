//! What callers see of accounts, tokens and tasks.

use chrono::{DateTime, Utc};
use edge::{Accepted, TaskView};
use jobs::Enqueued;
use kernel::Result;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Accounts, plan::Plan, session::Opened, token::Subject, user::User};

/// An account, as its owner sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserView {
    pub id: Uuid,
    #[schema(example = "reader@example.org")]
    pub email: String,
    /// Whether the address was confirmed with a code.
    pub email_verified: bool,
    /// `reader`, `operator`, `hr_admin` or `system_admin`.
    #[schema(example = "reader")]
    pub role: String,
    /// An IANA time zone.
    #[schema(example = "Europe/Berlin")]
    pub timezone: String,
    /// The plan that counts now.
    pub plan: Plan,
    pub created_at: DateTime<Utc>,
}

impl UserView {
    /// The view of `user` at `now`.
    pub fn new(user: User, now: DateTime<Utc>) -> Result<Self> {
        Ok(Self {
            id: user.id,
            email: user.email,
            email_verified: user.email_verified_at.is_some(),
            role: user.role,
            timezone: user.timezone,
            plan: user.plan.parse::<Plan>()?.at(user.trial_ends_at, now),
            created_at: user.created_at,
        })
    }
}

/// An account that waits for its code. Says what was sent and nothing else, since whoever sent it may be a stranger: not
/// even whether somebody registered the address before.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewUserView {
    #[schema(example = "reader@example.org")]
    pub email: String,
    /// False: the code that was mailed confirms the address.
    pub email_verified: bool,
    #[schema(example = "reader")]
    pub role: &'static str,
    /// An IANA time zone.
    #[schema(example = "Europe/Berlin")]
    pub timezone: String,
    pub plan: Plan,
    pub created_at: DateTime<Utc>,
}

/// What a person gets who has shown who they are.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenView {
    /// A JWT for `Authorization: Bearer`.
    pub access_token: String,
    /// For `/api/v1/auth/refresh`, once: the answer has the next one. Using one twice ends the session.
    pub refresh_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// How long the access token is valid, in seconds.
    #[schema(example = 900)]
    pub expires_in: u64,
}

impl Accounts {
    /// The tokens of a session that was opened or refreshed in a committed transaction.
    pub(super) fn tokens(&self, opened: Opened) -> Result<TokenView> {
        let subject = Subject { user_id: opened.user_id, session_id: opened.session_id, role: opened.role };
        Ok(TokenView {
            access_token: self.tokens.issue(subject, self.db.clock().now())?,
            refresh_token: opened.refresh_token,
            token_type: "Bearer",
            expires_in: self.tokens.ttl_seconds(),
        })
    }
}

/// 202 for `enqueued`.
pub(super) fn accepted(enqueued: Enqueued, now: DateTime<Utc>) -> Accepted<TaskView> {
    let status = if enqueued.run_at > now { "scheduled" } else { "queued" };
    let task = TaskView { task_id: enqueued.id.0, status, run_at: enqueued.run_at };
    task.into()
}
