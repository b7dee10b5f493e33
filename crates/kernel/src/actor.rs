//! Who is acting: an authenticated person, or an API key of theirs, and what they may do.

use std::{collections::BTreeSet, sync::Arc};

use crate::{Problem, UserId, kinds};

/// The authenticated caller of a request, or the operator behind a command.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The account; for an API key, its owner's.
    pub user_id: UserId,
    /// The session (refresh-token family) the access token came from; nil for an API key.
    pub session_id: uuid::Uuid,
    /// The API key that authenticated; `None` for a person.
    pub key: Option<ApiKeyRef>,
    /// The account's role: `reader`, `operator`, `hr_admin` or `system_admin`.
    pub role: String,
    /// Permission strings such as `scheduled_job.read`. What is not in here is denied.
    pub permissions: Arc<BTreeSet<String>>,
}

/// An API key, by what others may know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRef {
    /// Stays the same when the key's secret is rotated.
    pub id: uuid::Uuid,
    /// What its owner calls it.
    pub name: Arc<str>,
}

impl Actor {
    /// Who this is, for good: `user:<uuid>` for a person, `key:<uuid>` for an API key. What is made belongs to it.
    pub fn identity(&self) -> String {
        match &self.key {
            Some(key) => format!("key:{}", key.id),
            None => format!("user:{}", self.user_id),
        }
    }

    /// What to call the actor when people read it: the key's name, or the person's role.
    pub fn display_name(&self) -> &str {
        self.key.as_ref().map_or(&self.role, |key| &key.name)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_acts_under_its_own_identity_and_not_its_owner_s() {
        let (user_id, id) = (UserId::new(), uuid::Uuid::now_v7());
        let session_id = uuid::Uuid::nil();
        let person = Actor { user_id, session_id, key: None, role: "operator".to_owned(), permissions: Arc::default() };
        assert_eq!((person.identity(), person.display_name()), (format!("user:{user_id}"), "operator"));
        let key = Actor { key: Some(ApiKeyRef { id, name: "billing".into() }), ..person };
        assert_eq!((key.identity(), key.display_name()), (format!("key:{id}"), "billing"));
    }
}
