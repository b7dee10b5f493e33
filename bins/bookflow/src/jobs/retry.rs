//! `bookflow jobs retry`.

use jobs::executions;
use kernel::{ExecutionId, Result};

use super::Changed;
use crate::session::Session;

/// Queues it once more, with one more attempt; a worker finds it within a second.
pub async fn run(session: &Session, id: ExecutionId) -> Result<()> {
    session.parts.db.tx(async |tx| executions::retry(&tx, id, "cli").await).await?;
    session.output.print(&Changed { id, state: "queued" }, |_| format!("{id} is queued again"))
}
