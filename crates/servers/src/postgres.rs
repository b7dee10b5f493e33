//! A private Postgres cluster on loopback: user `bookflow`, no password.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::account::Account;
use crate::process::{self, Process, RECORD, Signal, Spawn, wait_until};
use crate::{Durability, Error, Options, Scratch, binaries, place, port};

pub(crate) const USER: &str = "bookflow";
const DATABASE: &str = "bookflow";
/// Enough for a busy development database to write its checkpoint.
const GRACE: Duration = Duration::from_secs(30);
/// Recovery after a crash included.
const START: Duration = Duration::from_mins(1);
/// A port that was free may be taken before the server listens on it.
const ATTEMPTS: u32 = 3;

/// A running Postgres; dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    place: Place,
    /// Last, so that it is removed after the server has stopped.
    _scratch: Option<Scratch>,
}

/// What a restart needs to know.
#[derive(Debug)]
struct Place {
    dir: PathBuf,
    binaries: PathBuf,
    account: Option<Account>,
    durability: Durability,
    port: u16,
    scratch: Option<PathBuf>,
}

/// How a server goes down before it is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Ends the connections and writes everything down.
    Fast,
    /// Drops everything; the next start recovers from the log.
    Immediate,
}

impl Postgres {
    /// Starts the cluster that lives in `dir`, after making it if there is none and ending one left behind there.
    /// Read [`Postgres::dir`] for where it really lives.
    ///
    /// # Errors
    /// Postgres is not installed, the port is taken, or it does not start; the message has the end of its log.
    pub fn start(dir: &Path, options: Options) -> Result<Postgres, Error> {
        start(dir, options, None)
    }

    /// A cluster in a scratch folder, tuned for tests: nothing synced, 300 connections, no vacuum.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn throw_away() -> Result<Postgres, Error> {
        let scratch = Scratch::create()?;
        let dir = scratch.dir().join("postgres");
        start(&dir, Options::THROW_AWAY, Some(scratch))
    }

    /// `postgres://…` for a database of this cluster; `postgres` and `bookflow` exist from the start.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.place.port)
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.place.port
    }

    /// The postmaster's process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The folder with its data and its log.
    pub fn dir(&self) -> &Path {
        &self.place.dir
    }

    /// Stops it in order, however many connections are open.
    ///
    /// # Errors
    /// It cannot be ended.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.shut_down(Shutdown::Fast)
    }

    /// Stops it; [`Postgres::start_again`] brings it back with its data on the same port.
    ///
    /// # Errors
    /// It cannot be ended.
    pub fn shut_down(&mut self, how: Shutdown) -> Result<(), Error> {
        let signal = match how {
            Shutdown::Fast => Signal::Interrupt,
            Shutdown::Immediate => Signal::Quit,
        };
        self.process.stop_by(signal).map(drop)
    }

    /// Starts it again on the same port after it was stopped or killed.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.process.stop()?;
        // The backends of a killed postmaster hold its shared memory until they notice, which is soon.
        let mut last = launch(&self.place);
        for _ in 0..20 {
            if last.is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(250));
            last = launch(&self.place);
        }
        self.process = last?;
        Ok(())
    }

    /// Stops it and starts it again on the same port.
    ///
    /// # Errors
    /// It cannot be ended, or does not start.
    pub fn restart(&mut self, how: Shutdown) -> Result<(), Error> {
        self.shut_down(how)?;
        self.start_again()
    }

    /// Sends the postmaster a signal, for instance [`Signal::Kill`].
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }
}

fn start(dir: &Path, options: Options, scratch: Option<Scratch>) -> Result<Postgres, Error> {
    let account = Account::to_drop_to()?;
    let dir = place::prepare(dir, account)?;
    process::stop_left_behind(&dir.join(RECORD), GRACE)?;
    let major = fs::read_to_string(dir.join("data/PG_VERSION")).ok();
    let mut place = Place {
        binaries: binaries::postgres(major.as_deref().map(str::trim))?,
        dir,
        account,
        durability: options.durability,
        port: 0,
        scratch: scratch.as_ref().map(|scratch| scratch.dir().to_owned()),
    };
    if major.is_none() {
        init(&place)?;
    }
    let mut attempt = 1;
    loop {
        place.port = options.port.map_or_else(port::free, Ok)?;
        match launch(&place) {
            Err(_) if options.port.is_none() && attempt < ATTEMPTS => attempt += 1,
            launched => {
                let process = launched?;
                return Ok(Postgres { process, place, _scratch: scratch });
            }
        }
    }
}

/// Makes the cluster beside its final place first, so that an interrupted one is not taken for a whole one.
fn init(place: &Place) -> Result<(), Error> {
    let (unfinished, data) = (place.dir.join("data.new"), place.dir.join("data"));
    let _ = fs::remove_dir_all(&unfinished); // of an interrupted start
    // macOS has no C.UTF-8, but knows the bare code set for the one category that asks for it.
    let locale: &[&str] =
        if cfg!(target_os = "macos") { &["--locale=C", "--lc-ctype=UTF-8"] } else { &["--locale=C.UTF-8"] };
    let mut initdb = Command::new(place.binaries.join("initdb"));
    initdb.arg("--pgdata").arg(&unfinished).args(["--auth=trust", "--encoding=UTF8", "--no-sync"]);
    initdb.arg(format!("--username={USER}")).args(locale);
    finish(initdb, "", place.account)?;
    // In single-user mode: the client programs, `createdb` among them, need not be installed.
    let mut single = Command::new(place.binaries.join("postgres"));
    single.args(["--single", "-F", "-D"]).arg(&unfinished).arg("postgres");
    finish(single, &format!("create database {DATABASE}\n"), place.account)?;
    fs::rename(&unfinished, &data).map_err(Error::io(data.display()))
}

/// Runs a program to its end, as `account`, with `input` to read.
fn finish(mut command: Command, input: &str, account: Option<Account>) -> Result<(), Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    if let Some(account) = account {
        account.apply(&mut command);
    }
    command.env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::io(format!("cannot run {name}")))?;
    if let Some(mut pipe) = child.stdin.take() {
        let _ = pipe.write_all(input.as_bytes()); // a program that did not read it says why below
    }
    let output = child.wait_with_output().map_err(Error::io(&name))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!("{name} failed: {}", text.trim())))
}

/// Starts the postmaster and waits until it takes connections.
fn launch(place: &Place) -> Result<Process, Error> {
    let (data, log) = (place.dir.join("data"), place.dir.join("log"));
    let status = data.join("postmaster.pid");
    let port = format!("port={}", place.port);
    let mut command = Command::new(place.binaries.join("postgres"));
    command.arg("-D").arg(&data).args(["-c", &port, "-c", "listen_addresses=127.0.0.1"]);
    for setting in settings(place.durability) {
        command.args(["-c", setting]);
    }
    let output = File::create(&log).map_err(Error::io(log.display()))?;
    let errors = output.try_clone().map_err(Error::io(log.display()))?;
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(output).stderr(errors);
    if let Some(account) = place.account {
        account.apply(&mut command);
    }
    let mut process = Process::spawn(Spawn {
        command,
        record: &place.dir.join(RECORD),
        marks: &["postgres", &port],
        ends_by: if place.durability == Durability::Durable { Signal::Interrupt } else { Signal::Quit },
        grace: GRACE,
        scratch: place.scratch.as_deref(),
    })?;
    let ready = wait_until(START, || is_ready(&status, process.pid()).or_else(|| process.ended().map(|_| false)));
    if ready == Some(true) {
        return Ok(process);
    }
    Err(Error::new(format!("Postgres does not start on port {}: {}", place.port, tail(&log))))
}

/// `Some(true)` once postmaster.pid, whose last line is the status, says so for this process.
fn is_ready(status: &Path, pid: u32) -> Option<bool> {
    let text = fs::read_to_string(status).ok()?;
    let ours = text.lines().next()?.trim() == pid.to_string();
    (ours && text.lines().last()?.trim() == "ready").then_some(true)
}

fn settings(durability: Durability) -> &'static [&'static str] {
    match durability {
        Durability::Durable => &["unix_socket_directories=", "max_connections=100", "timezone=UTC", "log_timezone=UTC"],
        Durability::ThrowAway => &[
            "unix_socket_directories=",
            "max_connections=300",
            "timezone=UTC",
            "log_timezone=UTC",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "wal_level=minimal",
            "max_wal_senders=0",
            "autovacuum=off",
            // In the data folder, so that it goes with it, even after a kill.
            "dynamic_shared_memory_type=mmap",
        ],
    }
}

/// The last lines of a log, on one.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join(" | ")
}
