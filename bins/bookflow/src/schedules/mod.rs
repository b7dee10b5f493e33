//! `bookflow schedules`: what recurs, and when.

mod list;
mod next;

use clap::Subcommand;
use kernel::Result;

use crate::session::Session;

/// What an operator can do with schedules.
#[derive(Subcommand)]
pub enum Schedules {
    /// List the schedules
    List,
    /// Show when the schedules run next
    Next(next::Next),
}

/// Runs one of the commands.
pub async fn run(session: &Session, command: Schedules) -> Result<()> {
    match command {
        Schedules::List => list::run(session).await,
        Schedules::Next(next) => next::run(session, next).await,
    }
}
