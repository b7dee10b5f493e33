//! A database for each test: a clone of a template that is made once per server and set of migrations.

use std::hash::{DefaultHasher, Hash, Hasher};

use kernel::{Clock, Secret};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::Db;
use uuid::Uuid;

use crate::START;

/// Connections that one test's pool holds at most.
pub(crate) const CONNECTIONS: u32 = 4;

/// A migrated database with the built-in catalogue. Never dropped: its server is thrown away as a whole.
#[derive(Clone, Debug)]
pub struct TestDb {
    url: String,
}

impl TestDb {
    /// A new one, in the server that `cargo xtask test` started.
    pub async fn create() -> Self {
        Self::create_in(&server_url()).await
    }

    /// A new one in the server that the URL of any of its databases names.
    pub async fn create_in(server: &str) -> Self {
        let mut admin = PgConnection::connect(server).await.expect("the test server answers");
        let template = template(&mut admin, server).await;
        let name = format!("test_{}", Uuid::now_v7().simple());
        run(&mut admin, format!("create database {name} template {template}")).await;
        let url = database_url(server, &name);
        admin.close().await.expect("the connection closes");
        Self { url }
    }

    /// `postgres://…` of this database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A small pool on it.
    pub fn connect(&self, clock: Clock) -> Db {
        let database =
            config::Database { url: Secret::new(self.url.clone()), max_connections: CONNECTIONS, statement_cache: 128 };
        Db::lazy(&database, clock).expect("a URL of our own")
    }
}

/// Postgres as `cargo xtask test` started it.
pub(crate) fn server_url() -> String {
    from_runner("TEST_DATABASE_URL")
}

/// Redis as `cargo xtask test` started it.
pub(crate) fn redis_url() -> String {
    from_runner("TEST_REDIS_URL")
}

fn from_runner(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo xtask test`"))
}

fn database_url(server: &str, name: &str) -> String {
    let (base, _) = server.rsplit_once('/').expect("the URL of a database");
    format!("{base}/{name}")
}

/// The template's name; it is made if this is the first test that needs it. Half-made ones have another name.
async fn template(admin: &mut PgConnection, server: &str) -> String {
    let name = template_name();
    if exists(admin, &name).await {
        return name;
    }
    run(admin, "select pg_advisory_lock(hashtext('bookflow.template'))".to_owned()).await;
    if !exists(admin, &name).await {
        let unfinished = format!("{name}_unfinished");
        run(admin, format!("drop database if exists {unfinished}")).await;
        run(admin, format!("create database {unfinished}")).await;
        fill(&TestDb { url: database_url(server, &unfinished) }).await;
        run(admin, format!("alter database {unfinished} rename to {name}")).await;
    }
    run(admin, "select pg_advisory_unlock(hashtext('bookflow.template'))".to_owned()).await;
    name
}

/// Changes with the migrations and with the built-in catalogue.
fn template_name() -> String {
    let mut catalogue = DefaultHasher::new();
    format!("{:?}", books::catalogue::builtin().expect("the catalogue is readable")).hash(&mut catalogue);
    format!("template_{}_{:016x}", migrations::fingerprint(), catalogue.finish())
}

async fn fill(database: &TestDb) {
    let db = database.connect(Clock::manual(START));
    migrations::run(db.pool()).await.expect("the migrations apply");
    books::seed(&db).await.expect("the catalogue fits");
    db.pool().close().await;
}

async fn exists(admin: &mut PgConnection, name: &str) -> bool {
    let found: Option<i32> = sqlx::query_scalar("select 1 from pg_database where datname = $1")
        .bind(name)
        .fetch_optional(admin)
        .await
        .expect("the test server answers");
    found.is_some()
}

async fn run(admin: &mut PgConnection, sql: String) {
    let words = sql.clone();
    let ran = sqlx::query(AssertSqlSafe(sql)).execute(admin).await;
    ran.unwrap_or_else(|error| panic!("{words}: {error}"));
}
