//! Installs missing servers with the system's own packager, without letting it start them as services.

use std::process::{Command, Output, Stdio};

use crate::{Error, Program, account};

/// Run as root. A packager that starts a service would take the well-known ports and confuse everyone, so `policy-rc.d` forbids
/// it for the time of the installation; one that is already there is kept.
const APT: &str = r#"
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy" || exit 1
fi
install() { apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"; }
install "$@" || { apt-get update -qq && install "$@"; }
"#;

/// The servers that are not installed.
pub fn missing() -> Vec<Program> {
    let all = [Program::Postgres, Program::Redis];
    all.into_iter().filter(|program| !program.is_installed()).collect()
}

/// Installs `programs` with apt-get (as root, or by `sudo` where it asks for no password) or with Homebrew. May take a minute.
///
/// # Errors
/// No packager that may be used, or it failed: the message says what to install by hand.
pub fn install(programs: &[Program]) -> Result<(), Error> {
    let Some(first) = programs.first() else {
        return Ok(());
    };
    let mut command = packager(programs)?.ok_or_else(|| first.not_installed())?;
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(Error::io("cannot run the packager"))?;
    match programs.iter().find(|program| !program.is_installed()) {
        None => Ok(()),
        Some(program) => Err(Error::new(format!("{} ({})", program.not_installed(), last_words(&output)))),
    }
}

/// The command that installs `programs`, or `None` when there is no packager that works unattended.
fn packager(programs: &[Program]) -> Result<Option<Command>, Error> {
    if cfg!(target_os = "macos") {
        if !succeeds("brew", &["--version"]) {
            return Ok(None);
        }
        let mut command = Command::new("brew");
        command.arg("install").args(programs.iter().map(|program| program.packages().1));
        return Ok(Some(command));
    }
    if !succeeds("apt-get", &["--version"]) {
        return Ok(None);
    }
    let mut command = if account::caller()? == 0 {
        Command::new("sh")
    } else if succeeds("sudo", &["-n", "true"]) {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "sh"]);
        sudo
    } else {
        return Ok(None);
    };
    command.args(["-c", APT, "sh"]).args(programs.iter().map(|program| program.packages().0));
    Ok(Some(command))
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The packager's last line, which is where it says why.
fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned())
}
