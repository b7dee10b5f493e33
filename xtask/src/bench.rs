//! `cargo xtask bench`: builds everything in release and measures the engine with real processes.

use servers::Program;

use crate::command::{cargo, command, finish};
use crate::failure::Outcome;
use crate::install;
use crate::signals::Signals;
use crate::workspace;

/// Runs the works named in `arguments`, or all.
pub fn run(arguments: &[&str]) -> Outcome {
    let signals = Signals::listen()?;
    install::missing(&[Program::Postgres, Program::Redis])?;
    let programs = ["build", "--release", "-p", "web", "-p", "worker", "-p", "bench"];
    finish(cargo(&programs), &signals)?;
    let mut bench = command(workspace::release_program("bench"));
    // A commit waits for the disk only where there is one: not in memory, and in /var/tmp by the Filesystem Hierarchy Standard.
    bench.args(arguments).env(servers::SCRATCH_DIR, "/var/tmp").env("RUST_LOG", "error");
    finish(bench, &signals)
}
