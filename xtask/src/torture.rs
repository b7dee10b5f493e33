//! `cargo xtask torture`: breaks everything under load and proves that nothing was lost and nothing happened twice.

use servers::Program;

use crate::command::{cargo, command, finish};
use crate::failure::Outcome;
use crate::install;
use crate::signals::Signals;
use crate::workspace;

/// One run; `arguments` say how long and which.
pub fn run(arguments: &[&str]) -> Outcome {
    let signals = Signals::listen()?;
    install::missing(&[Program::Postgres, Program::Redis])?;
    finish(cargo(&["build", "-p", "web", "-p", "worker", "-p", "torture"]), &signals)?;
    let mut torture = command(workspace::program("torture"));
    // What goes wrong here on purpose would fill the screen.
    torture.args(arguments).env("RUST_LOG", "error");
    finish(torture, &signals)
}
