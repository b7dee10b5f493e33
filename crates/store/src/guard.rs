//! What a transaction has to pass right before its commit.

use std::sync::Arc;

use futures::future::BoxFuture;
use kernel::Result;

use crate::Tx;

tokio::task_local! {
    static GUARD: Arc<dyn BeforeCommit>;
}

/// Has the last word in each transaction of the work that [`guarded`] runs.
pub trait BeforeCommit: Send + Sync {
    /// Writes what has to be committed together with the work, or refuses: then the transaction rolls back. Runs once for
    /// each try of a transaction.
    ///
    /// # Errors
    /// What the transaction's caller is to hear.
    fn check<'a>(&'a self, tx: &'a Tx) -> BoxFuture<'a, Result<()>>;
}

/// Runs `work`, no transaction of which commits unless it passes `guard`. It follows the task: what `work` spawns is not guarded.
pub fn guarded<F: Future>(guard: Arc<dyn BeforeCommit>, work: F) -> impl Future<Output = F::Output> {
    GUARD.scope(guard, work)
}

/// Asks the guard of this task, if there is one.
pub(crate) async fn pass(tx: &Tx) -> Result<()> {
    match GUARD.try_with(Arc::clone) {
        Ok(guard) => guard.check(tx).await,
        Err(_) => Ok(()),
    }
}
