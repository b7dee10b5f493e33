//! Keys from an operator's shell: made and revoked in the name of their owner, under a label that says so.

use kernel::{Actor, Page, Problem, Result, UserId, kinds};
use store::Tx;
use uuid::Uuid;

use super::{ApiKey, By, NewKey, Shown, change, stored};
use crate::{Accounts, user};

/// What stands in the audit log beside the owner.
const LABEL: &str = "bookflow keys (command line)";

impl Accounts {
    /// Makes a key that acts for the account of `email`, which need not manage keys itself.
    ///
    /// # Errors
    /// `validation-failed` naming the owner, the name, a scope or the expiry; `api-key-name-taken`.
    pub async fn create_key_for(&self, email: &str, new: NewKey) -> Result<Shown> {
        new.check()?;
        let owner = user::by_email(self.db.conn(), &email.into()).await?.ok_or_else(|| {
            Problem::new(&kinds::VALIDATION_FAILED).field("/owner", "is not the address of an account")
        })?;
        let actor = self.actor_of(UserId(owner.id), owner.role).await?;
        let by = By { actor: &actor, label: Some(LABEL) };
        self.db.tx(async |tx: Tx| self.create_key(&tx, by, new.clone()).await).await
    }

    /// At most `limit` keys, the newest first; also expired and revoked ones.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn keys(&self, limit: u64) -> Result<Vec<ApiKey>> {
        let found = stored::list(self.db.conn(), None, limit.saturating_add(1)).await?;
        Ok(Page::cut(found, limit, |key| key.id).items)
    }

    /// Revokes a key; processes that remember it stop taking it within seconds.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn revoke_key(&self, id: Uuid) -> Result<()> {
        let key = stored::find(self.db.conn(), id).await?.ok_or_else(change::no_such)?;
        // Its owner may be gone: a key is revoked all the same.
        let actor = self.actor_of(UserId(key.owner_id), "owner".to_owned()).await?;
        let by = By { actor: &actor, label: Some(LABEL) };
        self.db.tx(async |tx: Tx| change::revoke(&tx, by, id).await).await?;
        self.key_gate.forget(id);
        Ok(())
    }

    async fn actor_of(&self, user_id: UserId, role: String) -> Result<Actor> {
        let permissions = self.gate.permissions(&self.db, &role).await?;
        Ok(Actor { user_id, session_id: Uuid::nil(), key: None, role, permissions })
    }
}
