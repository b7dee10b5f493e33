//! A small shell process that ends a server when the server's owner dies without doing so.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Error, Signal};

/// Waits on a pipe from the owner. A line means that the server was stopped; the end of the pipe means that the owner is
/// dead, whatever killed it: then the server is told to stop, killed after a while, and its scratch folder removed.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
read -r _ && exit 0
kill -s CONT "$1"
kill -s "$2" "$1"
n=0
while kill -0 "$1" && [ "$n" -lt "$3" ]; do sleep 1; n=$((n + 1)); done
kill -s KILL "$1"
[ -z "$4" ] || rm -rf -- "$4"
"#;

/// The watch over one server; dropping it calls the watch off.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Watches `pid`, to be ended with `signal`, and killed when it has not ended within `grace`.
    pub(crate) fn over(pid: u32, signal: Signal, grace: Duration, scratch: Option<&Path>) -> Result<Watchdog, Error> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh", &pid.to_string(), signal.name()]);
        command.arg(grace.as_secs().max(1).to_string()).arg(scratch.unwrap_or(Path::new("")));
        // In a group of its own: what kills the owner's group, for instance Ctrl-C, must not kill this.
        command.process_group(0).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Watchdog).map_err(Error::io("cannot start a watchdog"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.0.stdin.take() {
            let _ = pipe.write_all(b"stopped\n"); // it was killed: nothing to call off
        }
        let _ = self.0.wait();
    }
}
