//! `bookflow jobs`: look at executions and act on them.

mod cancel;
mod list;
mod retry;
mod run;
mod show;

use clap::Subcommand;
use kernel::{ExecutionId, Problem, Result};
use serde::Serialize;

use crate::session::Session;

/// What an operator can do with jobs.
#[derive(Subcommand)]
pub enum Jobs {
    /// List executions, newest first
    List(list::List),
    /// Show everything that is known of one execution
    Show(One),
    /// Enqueue a job
    Run(run::Run),
    /// Queue a failed or cancelled execution once more
    Retry(One),
    /// Cancel an execution that waits or runs
    Cancel(One),
}

/// One execution.
#[derive(clap::Args)]
pub struct One {
    /// The execution's id
    id: ExecutionId,
}

/// What became of an execution.
#[derive(Serialize)]
struct Changed {
    id: ExecutionId,
    state: &'static str,
}

/// Runs one of the commands.
pub async fn run(session: &Session, command: Jobs) -> Result<()> {
    match command {
        Jobs::List(list) => list::run(session, list).await,
        Jobs::Show(One { id }) => show::run(session, id).await,
        Jobs::Run(run) => run::run(session, run).await,
        Jobs::Retry(One { id }) => retry::run(session, id).await,
        Jobs::Cancel(One { id }) => cancel::run(session, id).await,
    }
}

fn no_such(id: ExecutionId) -> Problem {
    Problem::new(&kernel::kinds::NOT_FOUND).detail(format!("there is no execution {id}"))
}
