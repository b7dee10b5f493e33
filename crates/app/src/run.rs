//! From the start of a program to its exit code.

use std::{process::ExitCode, time::Duration};

use tokio::runtime::Builder;

use crate::{Parts, Role, exit, process, telemetry};

/// Blocking work (hashing a password) that is still going is not waited for longer than this.
const BLOCKING_WORK: Duration = Duration::from_millis(200);

/// Runs a process in `role` until it is told to stop: exit code 0, 1 after a crash, 78 when the configuration is wrong.
pub fn run(role: Role) -> ExitCode {
    let config = match config::load() {
        Ok(config) => config,
        Err(invalids) => return exit::misconfigured(&invalids),
    };
    if let Err(wrong) = telemetry::start_logs(&config.telemetry) {
        return exit::misconfigured(&wrong);
    }
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::failed(&error),
    };
    // What `config` could not see is wrong with the settings all the same.
    let parts = match runtime.block_on(async { Parts::new(config) }) {
        Ok(parts) => parts,
        Err(problem) => return exit::misconfigured(&words(&problem)),
    };
    let outcome = runtime.block_on(process::run(role, parts));
    runtime.shutdown_timeout(BLOCKING_WORK);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => exit::failed(&words(&problem)),
    }
}

/// What went wrong, without the name of its kind.
fn words(problem: &kernel::Problem) -> String {
    problem.source().map_or_else(|| problem.to_string(), ToString::to_string)
}
