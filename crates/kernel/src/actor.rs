//! Who is acting: an authenticated person and what they may do.

use std::{collections::BTreeSet, sync::Arc};

use crate::{Problem, UserId, kinds};

/// The authenticated caller of a request, or the operator behind a command.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The account.
    pub user_id: UserId,
    /// The session (refresh-token family) the access token came from.
    pub session_id: uuid::Uuid,
    /// `reader`, `operator`, `hr_admin` or `system_admin`.
    pub role: String,
    /// Permission strings such as `scheduled_job.read`. What is not in here is denied.
    pub permissions: Arc<BTreeSet<String>>,
}

impl Actor {
    /// Whether the actor holds `permission`.
    pub fn may(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }

    /// Demands `permission`.
    ///
    /// # Errors
    /// `forbidden` naming the permission that is missing.
    pub fn require(&self, permission: &str) -> Result<(), Problem> {
        if self.may(permission) {
            return Ok(());
        }
        Err(Problem::new(&kinds::FORBIDDEN).detail(format!("this needs the permission {permission}")))
    }
}
