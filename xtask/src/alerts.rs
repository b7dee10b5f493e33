//! `cargo xtask alerts`: Prometheus' own opinion of the alerting rules, where its promtool is installed.

use std::io::ErrorKind;
use std::process::Stdio;

use crate::command::{command, finish};
use crate::failure::{Failure, Outcome};
use crate::signals::Signals;

const PROMTOOL: &str = "promtool";
/// What is asked: whether the rules can be read, and whether they fire when they should.
const CHECKS: [[&str; 3]; 2] = [["check", "rules", "docs/alerts.yml"], ["test", "rules", "docs/alerts.test.yml"]];

/// Runs the checks, or says that they were skipped.
pub fn run() -> Outcome {
    if !is_installed()? {
        eprintln!("skipped: {PROMTOOL} is not installed (Debian has it in the package prometheus)");
        return Ok(());
    }
    let signals = Signals::listen()?;
    CHECKS.into_iter().try_for_each(|arguments| {
        let mut promtool = command(PROMTOOL);
        promtool.args(arguments);
        finish(promtool, &signals)
    })
}

fn is_installed() -> Outcome<bool> {
    match command(PROMTOOL).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::said(format!("cannot run {PROMTOOL}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn what_is_checked_exists() {
        for [_, _, file] in CHECKS {
            assert!(workspace::root().join(file).is_file(), "{file}");
        }
    }
}
