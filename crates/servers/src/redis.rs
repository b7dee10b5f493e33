//! A private Redis (or Valkey) on loopback that never evicts a key.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::account::Account;
use crate::postgres::tail;
use crate::process::{self, Process, RECORD, Signal, Spawn, wait_until};
use crate::{Durability, Error, Options, Scratch, binaries, place, port};

const GRACE: Duration = Duration::from_secs(10);
const START: Duration = Duration::from_secs(30);
/// A port that was free may be taken before the server listens on it.
const ATTEMPTS: u32 = 3;

/// A running Redis; dropping it stops it.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    place: Place,
    /// Last, so that it is removed after the server has stopped.
    _scratch: Option<Scratch>,
}

/// What a restart needs to know.
#[derive(Debug)]
struct Place {
    dir: PathBuf,
    program: PathBuf,
    account: Option<Account>,
    durability: Durability,
    port: u16,
    scratch: Option<PathBuf>,
}

impl Redis {
    /// Starts the server that lives in `dir`, after ending one left behind there. Read [`Redis::dir`] for where it really lives.
    ///
    /// # Errors
    /// Redis is not installed, the port is taken, or it does not start; the message has the end of its log.
    pub fn start(dir: &Path, options: Options) -> Result<Redis, Error> {
        start(dir, options, None)
    }

    /// A server in a scratch folder that keeps nothing on disk.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn throw_away() -> Result<Redis, Error> {
        let scratch = Scratch::create()?;
        let dir = scratch.dir().join("redis");
        start(&dir, Options::THROW_AWAY, Some(scratch))
    }

    /// `redis://…`, without a database number.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.place.port)
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.place.port
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The folder with its data and its log.
    pub fn dir(&self) -> &Path {
        &self.place.dir
    }

    /// Stops it in order; [`Redis::start_again`] brings it back, without its data if it is a throw-away one.
    ///
    /// # Errors
    /// It cannot be ended.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.process.stop().map(drop)
    }

    /// Starts it again on the same port after it was stopped or killed.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.process.stop()?;
        self.process = launch(&self.place)?;
        Ok(())
    }

    /// Stops it and starts it again on the same port.
    ///
    /// # Errors
    /// It cannot be ended, or does not start.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        self.start_again()
    }

    /// Sends it a signal, for instance [`Signal::Kill`] or [`Signal::Pause`].
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }
}

fn start(dir: &Path, options: Options, scratch: Option<Scratch>) -> Result<Redis, Error> {
    let account = Account::to_drop_to()?;
    let dir = place::prepare(dir, account)?;
    process::stop_left_behind(&dir.join(RECORD), GRACE)?;
    let mut place = Place {
        dir,
        program: binaries::redis()?,
        account,
        durability: options.durability,
        port: 0,
        scratch: scratch.as_ref().map(|scratch| scratch.dir().to_owned()),
    };
    let mut attempt = 1;
    loop {
        place.port = options.port.map_or_else(port::free, Ok)?;
        match launch(&place) {
            Err(_) if options.port.is_none() && attempt < ATTEMPTS => attempt += 1,
            launched => {
                let process = launched?;
                return Ok(Redis { process, place, _scratch: scratch });
            }
        }
    }
}

/// Starts the server and waits until it answers.
fn launch(place: &Place) -> Result<Process, Error> {
    let log = place.dir.join("log");
    let port = place.port.to_string();
    let append = if place.durability == Durability::Durable { "yes" } else { "no" };
    let mut command = Command::new(&place.program);
    if let Some(account) = place.account {
        account.apply(&mut command);
    }
    command.args(["--port", &port, "--bind", "127.0.0.1", "--appendonly", append, "--save", ""]);
    command.args(["--maxmemory-policy", "noeviction", "--maxclients", "1000", "--dir"]).arg(&place.dir);
    let output = File::create(&log).map_err(Error::io(log.display()))?;
    let errors = output.try_clone().map_err(Error::io(log.display()))?;
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let mut process = Process::spawn(Spawn {
        command,
        record: &place.dir.join(RECORD),
        // The server rewrites its command line as "redis-server 127.0.0.1:port".
        marks: &["-server", &port],
        ends_by: Signal::Terminate,
        grace: GRACE,
        scratch: place.scratch.as_deref(),
    })?;
    let ready = wait_until(START, || process.ended().map(|_| false).or_else(|| answers(place.port).then_some(true)));
    if ready == Some(true) {
        return Ok(process);
    }
    Err(Error::new(format!("Redis does not start on port {}: {}", place.port, tail(&log))))
}

/// Whether it says PONG, which it does not while it loads its data.
fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"+PONG")
    };
    ask().unwrap_or(false)
}
