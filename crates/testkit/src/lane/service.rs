//! One process of a lane: started, signalled, waited for, restarted.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use servers::{Process, Signal, Spawn};

use super::wrong_clock::WrongClock;

/// From the start of a process to its readiness.
const START: Duration = Duration::from_secs(30);
/// A port that was free may be taken before the process listens on it.
const ATTEMPTS: usize = 3;
const POLL: Duration = Duration::from_millis(10);

/// A web or worker process.
pub struct Service {
    name: String,
    program: PathBuf,
    env: BTreeMap<String, String>,
    /// The variable that sets its port.
    port_variable: &'static str,
    port: AtomicU16,
    folder: PathBuf,
    log: Mutex<PathBuf>,
    clock: Option<WrongClock>,
    process: Mutex<Option<Process>>,
}

impl Service {
    pub(super) fn new(
        role: &str,
        index: usize,
        (env, folder): (BTreeMap<String, String>, &Path),
        clock: Option<WrongClock>,
    ) -> Self {
        let name = format!("{role}-{index}");
        Self {
            log: Mutex::new(folder.join(format!("{name}.log"))),
            clock,
            name,
            program: program(role),
            env,
            port_variable: if role == "web" { "PORT" } else { "WORKER_PORT" },
            port: AtomicU16::new(0),
            folder: folder.to_owned(),
            process: Mutex::default(),
        }
    }

    /// Starts it and waits until it is ready.
    pub(super) async fn start(&self) {
        for attempt in 1..=ATTEMPTS {
            self.port.store(servers::free_port().expect("a free port"), Relaxed);
            self.spawn();
            match self.ready().await {
                Ok(()) => return,
                Err(reason) if attempt == ATTEMPTS || !self.log().contains("is taken") => {
                    panic!("{} {reason}:\n{}", self.name, self.log_end(40))
                }
                Err(_) => {}
            }
        }
    }

    /// `web-0`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens: the API of a web, health and metrics of a worker.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The same as an address with a port, which a restart keeps.
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.load(Relaxed))
    }

    /// Its process id; panics when it was never started.
    pub fn pid(&self) -> u32 {
        self.process().as_ref().expect("it was started").pid()
    }

    /// SIGKILL.
    pub fn kill9(&self) {
        self.signal(Signal::Kill);
    }

    /// SIGTERM: asks it to stop.
    pub fn sigterm(&self) {
        self.signal(Signal::Terminate);
    }

    /// SIGSTOP: it stands still, as a machine that swaps or is being moved.
    pub fn sigstop(&self) {
        self.signal(Signal::Pause);
    }

    /// SIGCONT.
    pub fn sigcont(&self) {
        self.signal(Signal::Resume);
    }

    /// Puts the clock of its machine ahead, or behind, of the real time, from now on; only on `Ground::Shaky`.
    pub fn set_clock(&self, seconds: i32) {
        self.clock.as_ref().expect("a clock that can be set: Ground::Shaky").set(seconds);
    }

    /// What it writes from its next start on goes to a device that is full.
    pub fn fill_disk(&self) {
        self.log_to(PathBuf::from("/dev/full"));
    }

    /// What it writes from its next start on is kept again.
    pub fn clear_disk(&self) {
        self.log_to(self.folder.join(format!("{}.log", self.name)));
    }

    fn log_to(&self, path: PathBuf) {
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = self.process().as_mut() {
            process.signal(signal);
        }
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.process().as_mut().and_then(Process::ended)
    }

    /// Waits until it has ended, at most for 30 seconds.
    pub async fn wait(&self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(began.elapsed() < START, "{} has not ended after {START:?}", self.name);
            tokio::time::sleep(POLL).await;
        }
    }

    /// Starts it again on the same port, after killing it if it still runs; waits until it is ready.
    pub async fn restart(&self) {
        self.restart_unready().await;
        if let Err(reason) = self.ready().await {
            panic!("{} {reason}:\n{}", self.name, self.log_end(40));
        }
    }

    /// As [`Service::restart`], without waiting until it is ready: for when its servers are away.
    pub async fn restart_unready(&self) {
        self.kill9();
        self.wait().await;
        self.spawn();
    }

    /// Everything that it and its predecessors logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join(format!("{}.log", self.name))).unwrap_or_default()
    }

    pub(super) fn log_end(&self, lines: usize) -> String {
        let log = self.log();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Whether `/readyz` says so now.
    pub async fn is_ready(&self) -> bool {
        let url = format!("{}/readyz", self.url());
        let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).build().expect("a client");
        client.get(url).send().await.is_ok_and(|answer| answer.status().is_success())
    }

    async fn ready(&self) -> Result<(), String> {
        let began = Instant::now();
        while !self.is_ready().await {
            if let Some(status) = self.ended() {
                return Err(format!("ended instead of becoming ready: {status}"));
            }
            if began.elapsed() > START {
                return Err(format!("is not ready after {START:?}"));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    fn spawn(&self) {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).expect("a log file");
        let errors = log.try_clone().expect("the log file");
        let mut command = Command::new(&self.program);
        command.env_clear().envs(&self.env).env(self.port_variable, self.port.load(Relaxed).to_string());
        // In its own folder, where no .env is found.
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(log).stderr(errors);
        let program = self.program.to_string_lossy();
        let spawned = Process::spawn(Spawn {
            command,
            record: &self.folder.join(format!("{}.pid", self.name)),
            marks: &[program.as_ref()],
            ends_by: Signal::Kill,
            grace: Duration::from_secs(1),
            scratch: None,
        });
        *self.process() = Some(spawned.unwrap_or_else(|error| panic!("{}: {error}", self.name)));
    }

    fn log_path(&self) -> PathBuf {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A program of this build: programs stand in `target/{profile}`, tests one level below.
fn program(name: &str) -> PathBuf {
    let me = std::env::current_exe().expect("this program");
    let folder = me.parent().expect("a folder");
    let profile = if folder.ends_with("deps") { folder.parent().expect("target/{profile}") } else { folder };
    let program = profile.join(name);
    assert!(program.is_file(), "{} is not built: run the tests with `cargo xtask test`", program.display());
    program
}
