//! `bookflow jobs cancel`.

use jobs::executions::{self, Cancelled};
use kernel::{ExecutionId, Result};

use super::Changed;
use crate::session::Session;

/// Cancels it: at once while it waits; a running one is asked to stop when its lease is next renewed.
pub async fn run(session: &Session, id: ExecutionId) -> Result<()> {
    let cancel = async |tx: store::Tx| executions::cancel(&tx, id, "cancelled from the command line").await;
    let (state, words) = match session.parts.db.tx(cancel).await? {
        Cancelled::AtOnce => ("cancelled", format!("{id} is cancelled")),
        Cancelled::Asked => ("cancelling", format!("{id} is running; it was asked to stop")),
    };
    session.output.print(&Changed { id, state }, |_| words)
}
