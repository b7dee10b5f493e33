//! The servers under a lane, to be stopped, restarted and emptied.

use std::sync::{Arc, Mutex, PoisonError};

use redis::aio::MultiplexedConnection;
use servers::{Durability, Options, PgBouncer, Postgres, Redis, Scratch, Shutdown, Signal};

use crate::database;

/// Whose server a lane uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// The test run's: fast, but must be left alone.
    Shared,
    /// The lane's own, which keeps what was committed, as production's does.
    Private,
}

/// The Redis of a lane.
#[derive(Clone)]
pub struct RedisHandle {
    server: Arc<Mutex<Redis>>,
    url: String,
}

impl RedisHandle {
    pub(super) async fn start() -> Self {
        let server = blocking(Redis::throw_away).await.expect("Redis starts");
        Self { url: server.url(), server: Arc::new(Mutex::new(server)) }
    }

    /// `redis://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection for commands of a test's own.
    pub async fn connection(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url.as_str()).expect("a Redis URL");
        client.get_multiplexed_async_connection().await.expect("Redis answers")
    }

    /// Deletes everything in it.
    pub async fn flushall(&self) {
        let mut connection = self.connection().await;
        redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await.expect("Redis answers");
    }

    /// What `INFO` says of a section.
    pub async fn info(&self, section: &str) -> String {
        let mut connection = self.connection().await;
        let info = redis::cmd("INFO").arg(section).query_async::<String>(&mut connection).await;
        info.expect("Redis answers")
    }

    /// Stops it; its data is gone.
    pub async fn stop(&self) {
        self.with(|server| server.stop().expect("Redis stops")).await;
    }

    /// Starts it again on its port, empty.
    pub async fn start_again(&self) {
        self.with(|server| server.start_again().expect("Redis starts")).await;
    }

    /// It stands still: commands wait for their answer.
    pub async fn pause(&self) {
        self.with(|server| server.signal(Signal::Pause)).await;
    }

    /// It goes on after [`RedisHandle::pause`].
    pub async fn resume(&self) {
        self.with(|server| server.signal(Signal::Resume)).await;
    }

    /// SIGKILL; its data is gone.
    pub async fn kill9(&self) {
        self.with(|server| server.signal(Signal::Kill)).await;
    }

    /// Restarts it without its data.
    pub async fn restart_empty(&self) {
        self.with(|server| server.restart().expect("Redis restarts")).await;
    }

    async fn with(&self, act: impl FnOnce(&mut Redis) + Send + 'static) {
        let server = self.server.clone();
        blocking(move || act(&mut server.lock().unwrap_or_else(PoisonError::into_inner))).await;
    }
}

/// The URL of `database` through a PgBouncer with so many connections to it, if there is to be one.
pub(super) async fn through_pgbouncer(database: &str, connections: Option<u16>) -> (String, Option<PgBouncer>) {
    let Some(connections) = connections else { return (database.to_owned(), None) };
    let url = reqwest::Url::parse(database).expect("the URL of a database");
    let port = url.port().expect("the URL of a server of ours");
    let started = blocking(move || PgBouncer::throw_away(port, connections)).await;
    let pgbouncer = started.unwrap_or_else(|error| panic!("{error}"));
    (pgbouncer.url(url.path().trim_start_matches('/')), Some(pgbouncer))
}

/// The Postgres of a lane.
#[derive(Clone)]
pub struct PostgresHandle {
    server: Option<Arc<Mutex<Postgres>>>,
    url: String,
    /// Holds the data of a private one.
    _folder: Arc<Scratch>,
}

impl PostgresHandle {
    pub(super) async fn start(backing: Backing, folder: Arc<Scratch>) -> Self {
        if backing == Backing::Shared {
            return Self { server: None, url: database::server_url(), _folder: folder };
        }
        let dir = folder.dir().join("postgres");
        // Throw-away settings would lose what was committed just before a crash.
        let options = Options { durability: Durability::Durable, port: None };
        let server = blocking(move || Postgres::start(&dir, options)).await.expect("Postgres starts");
        Self { url: server.url("postgres"), server: Some(Arc::new(Mutex::new(server))), _folder: folder }
    }

    /// `postgres://…` of its database `postgres`.
    pub fn server_url(&self) -> String {
        self.url.clone()
    }

    /// Restarts it in order: connections are ended, everything is written down.
    pub async fn restart_fast(&self) {
        self.with(|server| server.restart(Shutdown::Fast).expect("Postgres restarts")).await;
    }

    /// Crashes it and starts it again: it recovers from its log.
    pub async fn restart_immediate(&self) {
        self.with(|server| server.restart(Shutdown::Immediate).expect("Postgres restarts")).await;
    }

    /// Stops it in order.
    pub async fn stop(&self) {
        self.with(|server| server.stop().expect("Postgres stops")).await;
    }

    /// Starts it again on its port with its data.
    pub async fn start_again(&self) {
        self.with(|server| server.start_again().expect("Postgres starts")).await;
    }

    async fn with(&self, act: impl FnOnce(&mut Postgres) + Send + 'static) {
        let server = self.server.clone().expect("only a lane's own Postgres may be touched: Backing::Private");
        blocking(move || act(&mut server.lock().unwrap_or_else(PoisonError::into_inner))).await;
    }
}

/// Servers are started and stopped by waiting for processes.
async fn blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(act).await.expect("the server's thread")
}
