//! Schemathesis in a Python environment of its own, below `target`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command::{self, finish};
use crate::failure::{Failure, Outcome};
use crate::signals::Signals;
use crate::workspace;

const VERSION: &str = "4.32.5";

/// Everything that schemathesis writes.
pub fn folder() -> PathBuf {
    workspace::root().join("target/schemathesis")
}

/// It would register readers of its own: what it does is done as somebody, or as nobody.
const SETTINGS: &str = "[auth]\nauto-signup = false\n";

/// The program, installed when it is not there yet.
pub fn schemathesis(signals: &Signals) -> Outcome<PathBuf> {
    fs::create_dir_all(folder()).map_err(Failure::said)?;
    fs::write(folder().join("schemathesis.toml"), SETTINGS).map_err(Failure::said)?;
    let environment = folder().join(format!("python-{VERSION}"));
    let program = environment.join("bin/schemathesis");
    if runs(&program) {
        return Ok(program);
    }
    if !runs(Path::new("python3")) {
        return Err(Failure::said("schemathesis needs Python 3.10 or newer, as `python3`; there is none"));
    }
    eprintln!("── installing schemathesis {VERSION} in {}", environment.display());
    let mut make = command::command("python3");
    make.args(["-m", "venv", "--clear"]).arg(&environment);
    finish(make, signals).map_err(|failure| explain(failure, "python3 cannot make an environment (python3-venv?)"))?;
    let mut install = command::command(environment.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", &format!("schemathesis=={VERSION}")]);
    let words = "pip could not install schemathesis: without a package index it has to be there already";
    finish(install, signals).map_err(|failure| explain(failure, words))?;
    Ok(program)
}

/// A command that writes what it writes below `target`.
pub fn command(program: &Path) -> Command {
    let mut command = command::command(program);
    command.current_dir(folder());
    command
}

fn runs(program: &Path) -> bool {
    let mut version = Command::new(program);
    version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

fn explain(failure: Failure, words: &str) -> Failure {
    if failure.is_interruption() { failure } else { Failure::said(words) }
}
