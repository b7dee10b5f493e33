//! `bookflow migrate`: brings the schema up to this program's. Run it before a new version starts.

use std::time::Duration;

use kernel::{Result, kinds};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::session::Session;

/// How long Postgres may take to come up, since both are often started together.
const PATIENCE: Duration = Duration::from_secs(30);
/// The wait between two looks.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Serialize)]
struct Migrated {
    applied: usize,
}

/// Applies what is missing.
pub async fn run(session: &Session) -> Result<()> {
    await_postgres(session).await?;
    let applied = migrations::run(session.parts.db.pool()).await?;
    session.output.print(&Migrated { applied }, |done| match done.applied {
        0 => "the schema is current".to_owned(),
        1 => "applied 1 migration".to_owned(),
        several => format!("applied {several} migrations"),
    })
}

async fn await_postgres(session: &Session) -> Result<()> {
    let began = Instant::now();
    loop {
        match session.parts.db.ping().await {
            Ok(()) => return Ok(()),
            Err(problem) if problem.is(&kinds::UNAVAILABLE) && began.elapsed() < PATIENCE => sleep(PAUSE).await,
            Err(problem) => return Err(problem.detail("Postgres does not let us in; check DATABASE_URL")),
        }
    }
}
