//! The processes of the Procfile, with their logs on one screen.

use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use servers::{Process, Signal, Spawn};

use super::procfile::Entry;
use super::{CHILD_GRACE, CHILD_SIGNAL, folder};
use crate::command::command;
use crate::failure::{Failure, Outcome};
use crate::signals::Signals;

/// Cyan, magenta, yellow, green: readable on dark and on light.
const COLOURS: [u8; 4] = [36, 35, 33, 32];

/// The running processes; dropping this ends them.
#[derive(Debug)]
pub struct Children(Vec<(String, Process)>);

/// The folder with their records.
pub fn records() -> PathBuf {
    folder().join("run")
}

impl Children {
    /// Starts every entry with `environment` on top of our own.
    pub fn start(entries: &[Entry], environment: &[(String, String)]) -> Outcome<Children> {
        fs::create_dir_all(records()).map_err(Failure::said)?;
        let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
        let mut children = Children(Vec::new());
        for (entry, colour) in entries.iter().zip(COLOURS.iter().cycle()) {
            let mut child = command(&entry.program);
            child.args(&entry.arguments).envs(environment.iter().cloned());
            if !io::stdout().is_terminal() {
                child.env("NO_COLOR", "1");
            }
            child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let program = entry.program.to_string_lossy();
            let marks: Vec<&str> =
                [program.as_ref()].into_iter().chain(entry.arguments.last().map(String::as_str)).collect();
            let record = records().join(format!("{}.pid", entry.name));
            let mut process = Process::spawn(Spawn {
                command: child,
                record: &record,
                marks: if program == "sh" { &marks[1..] } else { &marks },
                ends_by: CHILD_SIGNAL,
                grace: CHILD_GRACE,
                scratch: None,
            })?;
            let prefix = prefix(&entry.name, width, *colour);
            let (out, err) = process.streams();
            copy(out, prefix.clone());
            copy(err, prefix);
            children.0.push((entry.name.clone(), process));
        }
        Ok(children)
    }

    /// Fails when one has ended, saying which and how.
    pub fn require_all_running(&mut self) -> Outcome {
        for (name, process) in &mut self.0 {
            if let Some(status) = process.ended() {
                // Let the last words through before ours.
                thread::sleep(Duration::from_millis(100));
                let how = status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"));
                return Err(Failure::said(format!("{name} ended by itself: {how}")));
            }
        }
        Ok(())
    }

    /// Asks all to end and waits for them; kills them when their grace is over or a second signal arrives.
    pub fn stop(mut self, signals: &Signals) {
        for (_, process) in &mut self.0 {
            process.signal(CHILD_SIGNAL);
        }
        let deadline = Instant::now() + CHILD_GRACE;
        while !self.0.iter_mut().all(|(_, process)| process.ended().is_some()) {
            if signals.next(Duration::from_millis(20)).is_some() || Instant::now() > deadline {
                for (_, process) in &mut self.0 {
                    process.signal(Signal::Kill);
                }
            }
        }
    }
}

fn prefix(name: &str, width: usize, colour: u8) -> String {
    if io::stdout().is_terminal() {
        format!("\x1b[{colour}m{name:width$} |\x1b[0m ")
    } else {
        format!("{name:width$} | ")
    }
}

/// Copies a child's stream to ours, line by line, until it ends.
fn copy(stream: Option<impl Read + Send + 'static>, prefix: String) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = prefix.clone().into_bytes();
        while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            let _ = io::stdout().write_all(&line); // a closed screen must not stop the child
            line.truncate(prefix.len());
        }
    });
}
