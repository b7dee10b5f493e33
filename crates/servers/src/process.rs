//! A child process that is ended by pid, by whoever is left to do it: its owner, its watchdog, or the next start.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;
use crate::watchdog::Watchdog;

/// The name of the file that records a server's pid, in the server's folder.
pub const RECORD: &str = "pid";

const POLL: Duration = Duration::from_millis(10);

/// What can be sent to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM
    Terminate,
    /// SIGINT
    Interrupt,
    /// SIGQUIT
    Quit,
    /// SIGKILL
    Kill,
    /// SIGSTOP
    Pause,
    /// SIGCONT
    Resume,
}

impl Signal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Signal::Terminate => "TERM",
            Signal::Interrupt => "INT",
            Signal::Quit => "QUIT",
            Signal::Kill => "KILL",
            Signal::Pause => "STOP",
            Signal::Resume => "CONT",
        }
    }

    /// Sends it to `pid`; whether there was such a process.
    pub fn send(self, pid: u32) -> bool {
        send(self.name(), pid)
    }
}

/// What to start and how to end it.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// The program, in a process group of its own once started.
    pub command: Command,
    /// The file that records the pid while it runs.
    pub record: &'a Path,
    /// Words on its command line by which its pid is known from one that was given to another program since.
    pub marks: &'a [&'a str],
    /// The signal that ends it in order.
    pub ends_by: Signal,
    /// How long it may take to end before it is killed; whole seconds.
    pub grace: Duration,
    /// A folder to remove when its owner died without doing so.
    pub scratch: Option<&'a Path>,
}

/// A running child. Dropping it ends it; if its owner is killed, a watchdog does, and at the latest
/// [`stop_left_behind`] with its record.
#[derive(Debug)]
pub struct Process {
    child: Child,
    watchdog: Option<Watchdog>,
    record: PathBuf,
    ends_by: Signal,
    grace: Duration,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// The program cannot be run, or its record not written.
    pub fn spawn(mut spawn: Spawn) -> Result<Process, Error> {
        let program = spawn.command.get_program().to_string_lossy().into_owned();
        let child = spawn.command.process_group(0).spawn();
        let child = child.map_err(Error::io(format!("cannot start {program}")))?;
        let pid = child.id();
        let mut process = Process {
            child,
            watchdog: None,
            record: spawn.record.to_owned(),
            ends_by: spawn.ends_by,
            grace: spawn.grace,
        };
        let watchdog = Watchdog::over(pid, spawn.ends_by, spawn.grace, spawn.scratch)?;
        process.watchdog = Some(watchdog);
        write_record(spawn.record, pid, spawn.ends_by, spawn.marks)?;
        Ok(process)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The standard streams that were piped.
    pub fn streams(&mut self) -> (Option<std::process::ChildStdout>, Option<std::process::ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten()?;
        self.watchdog = None;
        let _ = fs::remove_file(&self.record); // gone already
        Some(status)
    }

    /// Waits until it has ended, at most for `patience`.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        wait_until(patience, || self.ended())
    }

    /// Sends it a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            signal.send(self.pid());
        }
    }

    /// Ends it with its usual signal and waits; kills it when its grace is over.
    ///
    /// # Errors
    /// It cannot be ended.
    pub fn stop(&mut self) -> Result<ExitStatus, Error> {
        self.stop_by(self.ends_by)
    }

    /// As [`Process::stop`], with another signal.
    ///
    /// # Errors
    /// It cannot be ended.
    pub fn stop_by(&mut self, signal: Signal) -> Result<ExitStatus, Error> {
        self.signal(signal);
        self.signal(Signal::Resume);
        if let Some(status) = self.wait(self.grace) {
            return Ok(status);
        }
        self.signal(Signal::Kill);
        let status = self.wait(Duration::from_secs(10));
        status.ok_or_else(|| Error::new(format!("process {} cannot be killed", self.pid())))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.stop(); // nothing more can be done
    }
}

/// A process that its owner left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its process id.
    pub pid: u32,
    /// The words by which it was known on its command line.
    pub marks: Vec<String>,
    ends_by: String,
}

/// Writes down that process `pid`, on whose command line all of `marks` stand, is to be ended by a signal.
///
/// # Errors
/// The file cannot be written.
pub fn write_record(record: &Path, pid: u32, ends_by: Signal, marks: &[&str]) -> Result<(), Error> {
    let text = format!("{pid} {}\n{}\n", ends_by.name(), marks.join("\n"));
    fs::write(record, text).map_err(Error::io(record.display()))
}

/// The process recorded in `record`, if it still runs and is still that program.
pub fn left_behind(record: &Path) -> Option<Left> {
    let text = fs::read_to_string(record).ok()?;
    let mut lines = text.lines();
    let (pid, ends_by) = lines.next()?.split_once(' ')?;
    let (pid, ends_by) = (pid.parse().ok()?, ends_by.to_owned());
    let marks: Vec<String> = lines.map(str::to_owned).collect();
    let command = command_line(pid)?;
    let same = !marks.is_empty() && marks.iter().all(|mark| command.contains(mark));
    same.then_some(Left { pid, marks, ends_by })
}

/// Ends the process recorded in `record`, which is not a child of the caller: by its usual signal, or SIGKILL when
/// `grace` is over. `None` when it had ended before.
///
/// # Errors
/// It cannot be ended.
pub fn stop_left_behind(record: &Path, grace: Duration) -> Result<Option<Left>, Error> {
    let left = left_behind(record);
    if let Some(left) = &left {
        send(&left.ends_by, left.pid);
        Signal::Resume.send(left.pid);
        let gone = || left_behind(record).is_none().then_some(());
        let ended = wait_until(grace, gone).or_else(|| {
            Signal::Kill.send(left.pid);
            wait_until(Duration::from_secs(5), gone)
        });
        ended.ok_or_else(|| Error::new(format!("process {} cannot be ended", left.pid)))?;
    }
    let _ = fs::remove_file(record); // it may have done so itself
    Ok(left)
}

fn send(signal: &str, pid: u32) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal, &pid.to_string()]);
    let status = command.stdin(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

pub(crate) fn wait_until<T>(patience: Duration, mut check: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = check() {
            return Some(found);
        }
        if start.elapsed() >= patience {
            return None;
        }
        thread::sleep(POLL);
    }
}

/// The command line of a running process; a zombie has none.
fn command_line(pid: u32) -> Option<String> {
    if cfg!(target_os = "linux") {
        let raw = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let text = String::from_utf8_lossy(&raw).replace('\0', " ");
        return (!text.is_empty()).then_some(text);
    }
    let output = Command::new("ps").args(["-o", "args=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.starts_with('(') && !text.is_empty()).then_some(text)
}
