//! Running other programs: in the workspace's root, without what Cargo put into our environment.

use std::env;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use servers::Signal;

use crate::failure::{Failure, Outcome};
use crate::signals::Signals;
use crate::workspace;

const POLL: Duration = Duration::from_millis(20);

/// A command in the workspace's root.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root());
    // `cargo run` describes this package to us; a build below that saw the same would rebuild what looks at it.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let ours = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        if ours.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name.as_ref());
        }
    }
    command
}

pub fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = command("cargo");
    cargo.args(arguments);
    cargo
}

/// Whether Cargo knows the command, which may be a program of its own.
pub fn cargo_has(name: &str) -> bool {
    let mut version = cargo(&[name, "--version"]);
    version.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// Runs it to its end, passing signals on.
///
/// # Errors
/// It cannot be run, it failed, or it was interrupted.
pub fn finish(mut command: Command, signals: &Signals) -> Outcome {
    let child = command.spawn().map_err(|error| cannot_run(&command, &error))?;
    let (status, signal) = supervise(child, signals)?;
    match (signal, status.code()) {
        (Some(_), _) => Err(Failure::interrupted()),
        (None, Some(0)) => Ok(()),
        (None, Some(code)) => Err(Failure::code(code)),
        (None, None) => Err(Failure::said(format!("{} was killed: {status}", name(&command)))),
    }
}

/// Runs it to its end and returns what it printed; its standard error passes through.
///
/// # Errors
/// It cannot be run, or it failed.
pub fn output(mut command: Command) -> Outcome<String> {
    command.stderr(Stdio::inherit());
    let output = command.output().map_err(|error| cannot_run(&command, &error))?;
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(Failure::said);
    }
    Err(Failure::said(format!("{} failed: {}", name(&command), output.status)))
}

/// How it ended, and the signal that was passed on to it.
fn supervise(mut child: Child, signals: &Signals) -> Outcome<(ExitStatus, Option<Signal>)> {
    let mut passed = None;
    loop {
        if let Some(status) = child.try_wait().map_err(Failure::said)? {
            return Ok((status, passed));
        }
        if let Some(signal) = signals.next(POLL) {
            // A terminal sends Ctrl-C to every process in front; a second one would make it give up in disorder.
            if signal != Signal::Interrupt || !io::stdin().is_terminal() {
                signal.send(child.id());
            }
            passed = Some(signal);
        }
    }
}

fn cannot_run(command: &Command, error: &io::Error) -> Failure {
    Failure::said(format!("cannot run {}: {error}", name(command)))
}

/// The program and its first argument.
fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    let words = [program].into_iter().chain(command.get_args().take(1));
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
