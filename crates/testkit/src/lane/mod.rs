//! The real lane: `web` and `worker` as processes of their own, on servers that can be taken away from them.
//!
//! Nothing is built here: the programs are those beside the test binary (`cargo xtask test` builds them first).

mod backing;
mod look;
mod service;
mod wrong_clock;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use config::Config;
use futures::future::join_all;
use kernel::{Clock, Rng};
use servers::Scratch;
use store::Db;

pub use self::{
    backing::{Backing, PostgresHandle, RedisHandle},
    service::Service,
};
use crate::{TestDb, logs, people};

/// What a lane consists of.
#[derive(Clone, Debug)]
pub struct LaneOptions {
    /// How many web processes.
    pub webs: usize,
    /// How many worker processes.
    pub workers: usize,
    /// Whose Postgres: a private one can be restarted, and costs two seconds more.
    pub postgres: Backing,
    /// Variables that differ from the lane's own.
    pub env: Vec<(&'static str, String)>,
    /// How many seconds the clock of a worker's machine is ahead, by the worker's index.
    pub ahead: Option<(usize, i32)>,
}

impl Default for LaneOptions {
    /// One web, one worker, on the test run's Postgres.
    fn default() -> Self {
        Self { webs: 1, workers: 1, postgres: Backing::Shared, env: Vec::new(), ahead: None }
    }
}

impl LaneOptions {
    /// Sets a variable of every process.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Puts the clock of a worker's machine ahead.
    #[must_use]
    pub fn ahead(mut self, worker: usize, seconds: i32) -> Self {
        self.ahead = Some((worker, seconds));
        self
    }
}

/// Running processes and their servers. Dropping it kills the processes; a failing test prints the ends of their logs.
pub struct Lane {
    // In the order in which they are dropped: processes, then what they use.
    webs: Vec<Service>,
    workers: Vec<Service>,
    db: Db,
    config: Config,
    http: reqwest::Client,
    redis: RedisHandle,
    postgres: PostgresHandle,
    folder: Arc<Scratch>,
}

impl Lane {
    /// Starts everything and waits until it is ready. Redis is always the lane's own.
    pub async fn start(options: LaneOptions) -> Self {
        logs::start();
        let folder = Arc::new(Scratch::create().expect("a folder"));
        let (redis, postgres) =
            tokio::join!(RedisHandle::start(), PostgresHandle::start(options.postgres, folder.clone()));
        let database = TestDb::create_in(&postgres.server_url()).await;
        let env = environment(&options, folder.dir(), (database.url(), redis.url()));
        let config = Config::read(&|name| env.get(name).cloned()).unwrap_or_else(|wrong| panic!("{wrong}"));
        let db = Db::lazy(&config.database, Clock::system()).expect("a Postgres URL");
        let service = |role, index| {
            let ahead = options.ahead.filter(|(worker, _)| role == "worker" && *worker == index);
            let clock = ahead.map(|(_, seconds)| wrong_clock::preload(folder.dir(), seconds));
            let env = env.clone().into_iter().chain(clock).collect();
            Service::new(role, index, (env, folder.dir()))
        };
        let lane = Self {
            webs: (0..options.webs).map(|index| service("web", index)).collect(),
            workers: (0..options.workers).map(|index| service("worker", index)).collect(),
            db,
            config,
            http: reqwest::Client::new(),
            redis,
            postgres,
            folder,
        };
        join_all(lane.services().map(Service::start)).await;
        lane
    }

    /// One web, one worker, on the test run's Postgres.
    pub async fn usual() -> Self {
        Self::start(LaneOptions::default()).await
    }

    /// A web process.
    pub fn web(&self, index: usize) -> &Service {
        &self.webs[index]
    }

    /// A worker process.
    pub fn worker(&self, index: usize) -> &Service {
        &self.workers[index]
    }

    /// The lane's own Redis.
    pub fn redis(&self) -> &RedisHandle {
        &self.redis
    }

    /// The lane's Postgres.
    pub fn postgres(&self) -> &PostgresHandle {
        &self.postgres
    }

    /// The lane's database. Nobody hears of its commits: what is enqueued here is found by a relay, as from the CLI.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// A database that pushes tickets after each commit, as web's does.
    pub fn producer(&self) -> Db {
        let db = Db::lazy(&self.config.database, self.db.clock().clone()).expect("a Postgres URL");
        jobs::Pusher::new(db.clone(), &self.config.redis).expect("a Redis URL").attach();
        db
    }

    /// What the processes were told.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// A client for requests to the processes.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// An access token of somebody new with `role`, from the first web.
    pub async fn log_in(&self, role: &str) -> String {
        let email = people::open_account(&self.db, role).await;
        let credentials = serde_json::json!({ "email": email, "password": people::PASSWORD });
        let url = format!("{}/api/v1/auth/login", self.web(0).url());
        let answer = self.http.post(url).json(&credentials).send().await.expect("web answers");
        let tokens: serde_json::Value = answer.json().await.expect("JSON");
        tokens["access_token"].as_str().unwrap_or_else(|| panic!("no token in {tokens}")).to_owned()
    }

    /// A source of chance for whatever a test makes up.
    pub fn rng(&self) -> Rng {
        Rng::system()
    }

    /// The whole log of a process: `web-0`, `worker-1`.
    pub fn log(&self, name: &str) -> String {
        let service = self.services().find(|service| service.name() == name);
        service.unwrap_or_else(|| panic!("there is no process {name}")).log()
    }

    /// Where the processes put mails.
    pub fn mail_folder(&self) -> PathBuf {
        self.folder.dir().join("mail")
    }

    fn services(&self) -> impl Iterator<Item = &Service> {
        self.webs.iter().chain(&self.workers)
    }
}

/// The processes' whole environment: nothing of ours leaks into them.
fn environment(options: &LaneOptions, folder: &Path, (database, redis): (&str, &str)) -> BTreeMap<String, String> {
    let mail = format!("file:{}", folder.join("mail").display());
    let own = [
        ("APP_SECRET_KEY", "a secret key that only tests use"),
        ("DATABASE_URL", database),
        ("REDIS_URL", redis),
        ("MAIL_SMTP_URL", &mail),
        ("HOST", "127.0.0.1"),
        ("JOB_LEASE", "2s"),
        ("SHUTDOWN_GRACE", "5s"),
        ("LOG_FORMAT", "json"),
        ("RATE_LIMIT_PER_MINUTE", "1000000"),
        ("AUTH_RATE_LIMIT_PER_MINUTE", "1000000"),
        ("RUST_BACKTRACE", "1"),
    ];
    let own = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let given = options.env.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    own.chain(given).collect()
}

impl Drop for Lane {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for service in self.services() {
                eprintln!("── the end of the log of {}\n{}", service.name(), service.log_end(40));
            }
        }
        for service in self.services() {
            service.kill9();
        }
        let _ = fs::remove_dir_all(self.mail_folder()); // the rest goes with the folder
    }
}
