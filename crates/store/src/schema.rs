//! Whether the database's schema is the one this code was written for.

use kernel::Result;

use crate::Db;

/// The database's schema against the code's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// Every migration that the code knows is applied.
    Current,
    /// Migrations are missing: run `bookflow migrate`.
    Older { missing: usize },
}

impl Db {
    /// Compares the applied migrations with those of the code. A newer schema is fine: migrations only extend.
    ///
    /// # Errors
    /// `unavailable` when Postgres cannot be reached.
    pub async fn schema(&self) -> Result<SchemaState> {
        let missing = migrations::missing(self.pool()).await.map_err(|error| crate::faults::classify(error.into()))?;
        Ok(if missing == 0 { SchemaState::Current } else { SchemaState::Older { missing } })
    }
}
