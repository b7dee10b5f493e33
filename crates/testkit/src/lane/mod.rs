//! The real lane: `web` and `worker` as processes of their own, on servers that can be taken away from them.
//!
//! Nothing is built here: the programs are those beside the test binary (`cargo xtask test` builds them first).

mod backing;
mod balancer;
mod link;
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
use servers::{PgBouncer, Scratch};
use store::Db;

use self::wrong_clock::WrongClock;
pub use self::{
    backing::{Backing, PostgresHandle, RedisHandle},
    balancer::Balancer,
    link::{Link, Server},
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
    /// What can be done to the machine and the network of each process.
    pub ground: Ground,
    /// A PgBouncer in transaction mode between everything and Postgres, with so many connections to Postgres.
    pub pgbouncer: Option<u16>,
}

/// What the processes stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The machine as it is.
    Firm,
    /// Each process reaches each server by a [`Link`] of its own, and each worker has a clock that can be set.
    Shaky,
}

impl Default for LaneOptions {
    /// One web, one worker, on the test run's Postgres.
    fn default() -> Self {
        Self {
            webs: 1,
            workers: 1,
            postgres: Backing::Shared,
            env: Vec::new(),
            ahead: None,
            ground: Ground::Firm,
            pgbouncer: None,
        }
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
    links: BTreeMap<(String, Server), Link>,
    db: Db,
    config: Config,
    http: reqwest::Client,
    redis: RedisHandle,
    _pgbouncer: Option<PgBouncer>,
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
        let (database, pgbouncer) = backing::through_pgbouncer(database.url(), options.pgbouncer).await;
        let env = environment(&options, folder.dir(), (&database, redis.url()));
        let config = Config::read(&|name| env.get(name).cloned()).unwrap_or_else(|wrong| panic!("{wrong}"));
        let db = Db::lazy(&config.database, Clock::system()).expect("a Postgres URL");
        let links = links(&options, (&database, redis.url())).await;
        let service = |role: &str, index| {
            let clock = wrong_clock(&options, role, index).map(|ahead| {
                let name = format!("{role}-{index}");
                WrongClock::make(folder.dir(), &name, ahead)
            });
            let mut env = env.clone();
            env.extend(clock.as_ref().map(WrongClock::variable));
            for (variable, server) in [("DATABASE_URL", Server::Postgres), ("REDIS_URL", Server::Redis)] {
                let link = links.get(&(format!("{role}-{index}"), server));
                env.extend(link.map(|link| (variable.to_owned(), link.url().to_owned())));
            }
            Service::new(role, index, (env, folder.dir()), clock)
        };
        let lane = Self {
            webs: (0..options.webs).map(|index| service("web", index)).collect(),
            workers: (0..options.workers).map(|index| service("worker", index)).collect(),
            links,
            db,
            config,
            http: reqwest::Client::new(),
            redis,
            _pgbouncer: pgbouncer,
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

    /// Every process, webs first.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.webs.iter().chain(&self.workers)
    }

    /// The network between a process (`web-0`, `worker-1`) and a server; only on [`Ground::Shaky`].
    pub fn link(&self, process: &str, server: Server) -> &Link {
        let link = self.links.get(&(process.to_owned(), server));
        link.unwrap_or_else(|| panic!("{process} has no link to {server:?} that can be touched: Ground::Shaky"))
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
}

/// How far ahead the clock of a process is; none: it is the machine's own.
fn wrong_clock(options: &LaneOptions, role: &str, index: usize) -> Option<i32> {
    let given = options.ahead.filter(|(worker, _)| role == "worker" && *worker == index);
    let movable = options.ground == Ground::Shaky && role == "worker";
    given.map(|(_, seconds)| seconds).or(movable.then_some(0))
}

/// A link for each process and server, on [`Ground::Shaky`].
async fn links(options: &LaneOptions, (database, redis): (&str, &str)) -> BTreeMap<(String, Server), Link> {
    let mut links = BTreeMap::new();
    if options.ground == Ground::Firm {
        return links;
    }
    let webs = (0..options.webs).map(|index| format!("web-{index}"));
    for process in webs.chain((0..options.workers).map(|index| format!("worker-{index}"))) {
        links.insert((process.clone(), Server::Postgres), Link::to(database).await);
        links.insert((process, Server::Redis), Link::to(redis).await);
    }
    links
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
        ("DATABASE_STATEMENT_CACHE", if options.pgbouncer.is_some() { "0" } else { "128" }),
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
