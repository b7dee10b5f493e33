//! A private PgBouncer on loopback, in transaction mode, before a Postgres of ours.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::account::Account;
use crate::postgres::{USER, tail};
use crate::process::{Process, RECORD, Signal, Spawn, wait_until};
use crate::{Error, Scratch, binaries, place, port};

const START: Duration = Duration::from_secs(10);
/// A port that was free may be taken before it listens on it.
const ATTEMPTS: u32 = 3;

/// A running PgBouncer; dropping it ends it.
#[derive(Debug)]
pub struct PgBouncer {
    _process: Process,
    port: u16,
    /// Last, so that it is removed after the program has ended.
    _scratch: Scratch,
}

impl PgBouncer {
    /// Starts one before the Postgres on `postgres`, a loopback port, with at most `connections` to each of its databases.
    ///
    /// # Errors
    /// PgBouncer is not installed, or does not start; the message has the end of its log.
    pub fn throw_away(postgres: u16, connections: u16) -> Result<PgBouncer, Error> {
        let mut attempt = 1;
        loop {
            match launch(postgres, connections) {
                Err(error) if attempt == ATTEMPTS || error.to_string().contains("not installed") => return Err(error),
                Err(_) => attempt += 1,
                Ok(started) => return Ok(started),
            }
        }
    }

    /// `postgres://…` for a database of the Postgres behind it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }
}

fn launch(postgres: u16, connections: u16) -> Result<PgBouncer, Error> {
    let program = binaries::pgbouncer()?;
    let (scratch, account) = (Scratch::create()?, Account::to_drop_to()?);
    let dir = place::prepare(&scratch.dir().join("pgbouncer"), account)?;
    let (settings, port) = (dir.join("pgbouncer.ini"), port::free()?);
    write(&dir.join("users.txt"), &format!("\"{USER}\" \"\"\n"))?;
    write(&settings, &ini(&dir, (postgres, port), connections))?;
    let log = dir.join("log");
    let output = File::create(&log).map_err(Error::io(log.display()))?;
    let errors = output.try_clone().map_err(Error::io(log.display()))?;
    let mut command = Command::new(program);
    if let Some(account) = account {
        account.apply(&mut command);
    }
    command.arg(&settings).stdin(Stdio::null()).stdout(output).stderr(errors);
    let settings = settings.display().to_string();
    let mut process = Process::spawn(Spawn {
        command,
        record: &dir.join(RECORD),
        marks: &["pgbouncer", &settings],
        ends_by: Signal::Quit,
        grace: Duration::from_secs(2),
        scratch: Some(scratch.dir()),
    })?;
    let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(true);
    if wait_until(START, || process.ended().map(|_| false).or_else(listens)) == Some(true) {
        return Ok(PgBouncer { _process: process, port, _scratch: scratch });
    }
    Err(Error::new(format!("PgBouncer does not start on port {port}: {}", tail(&log))))
}

/// Transaction mode, and nothing else that differs from the package's defaults but addresses and sizes.
fn ini(dir: &Path, (postgres, port): (u16, u16), connections: u16) -> String {
    let users = dir.join("users.txt");
    format!(
        "[databases]\n* = host=127.0.0.1 port={postgres}\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\nmax_client_conn = 500\n\
         default_pool_size = {connections}\n",
        users.display()
    )
}

/// A file that the program's account, whoever that is, can read.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::io(path.display()))
}
