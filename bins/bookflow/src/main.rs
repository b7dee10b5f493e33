//! `bookflow`: what an operator does from a shell. Every command takes `--json`.

mod doctor;
mod ended;
mod jobs;
mod keys;
mod migrate;
mod openapi;
mod output;
mod schedules;
mod seed;
mod session;
mod users;

use std::process::ExitCode;

use app::Parts;
use clap::{Parser, Subcommand};
use config::{Invalid, Invalids};

use crate::{ended::Ended, output::Output, session::Session};

/// Operates a BookFlow installation. Reads the same environment (and `.env`) as web and worker.
#[derive(Parser)]
#[command(name = "bookflow", version)]
struct Cli {
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Apply the migrations that are missing
    Migrate,
    /// Fill in the built-in catalogue and the demo logins: for development only
    Seed(seed::Seed),
    /// Manage accounts
    #[command(subcommand)]
    Users(users::Users),
    /// Manage API keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Look at jobs and act on them
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// Look at schedules
    #[command(subcommand)]
    Schedules(schedules::Schedules),
    /// Check the installation and say what to do about what is wrong
    Doctor,
    /// Print the API's OpenAPI document
    Openapi,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Ended::from(error).tell(output),
    };
    let outcome = runtime.block_on(run(cli.command, output));
    outcome.unwrap_or_else(|ended| ended.tell(output))
}

async fn run(command: Command, output: Output) -> Result<ExitCode, Ended> {
    if let Command::Openapi = command {
        openapi::run()?;
        return Ok(ExitCode::SUCCESS);
    }
    let session = match open(output) {
        Ok(session) => session,
        Err(invalids) if matches!(command, Command::Doctor) => return Ok(doctor::misconfigured(&invalids, output)?),
        Err(invalids) => return Err(Ended::Config(invalids)),
    };
    match command {
        Command::Migrate => migrate::run(&session).await?,
        Command::Seed(seed) => seed::run(&session, seed).await?,
        Command::Users(command) => users::run(&session, command).await?,
        Command::Keys(command) => keys::run(&session, command).await?,
        Command::Jobs(command) => jobs::run(&session, command).await?,
        Command::Schedules(command) => schedules::run(&session, command).await?,
        Command::Doctor => return Ok(doctor::run(&session).await?),
        Command::Openapi => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the settings and wires the services. Nothing is contacted yet.
fn open(output: Output) -> Result<Session, Invalids> {
    let config = config::load()?;
    // What `config` could not see is wrong with the settings all the same.
    let parts = Parts::new(config).map_err(|problem| {
        let message = problem.source().map_or_else(|| problem.to_string(), ToString::to_string);
        Invalids(vec![Invalid { name: "a setting", message: format!("cannot be used: {message}") }])
    })?;
    Ok(Session { parts, output })
}
