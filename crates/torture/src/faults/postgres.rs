//! What happens to Postgres and to the way to it.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use testkit::{Lane, Link, Server, Service};

use crate::script::{Fault, Kind};

/// The tables that everything goes through.
const HOT: [&str; 4] = ["executions", "schedules", "drill_effects", "schedule_events"];
const SLOW: Duration = Duration::from_millis(200);
/// More than Postgres has.
const MANY: usize = 150;

/// Returns nothing: what Postgres does is nobody's fault.
pub async fn inflict(lane: &Lane, fault: &Fault) -> Vec<String> {
    let all: Vec<&Service> = lane.services().collect();
    let links = || all.iter().map(|process| lane.link(process.name(), Server::Postgres));
    let pause = tokio::time::sleep(fault.lasts);
    match fault.kind {
        Kind::PostgresRestarted => lane.postgres().restart_fast().await,
        Kind::PostgresCrashed => lane.postgres().restart_immediate().await,
        Kind::PostgresReadOnly => {
            run(lane, &["alter system set default_transaction_read_only = on", RELOAD]).await;
            pause.await;
            let undo = ["set default_transaction_read_only = off", "alter system reset all", RELOAD];
            run(lane, &undo).await;
        }
        Kind::PostgresSlow => {
            links().for_each(|link| link.slow(SLOW));
            pause.await;
            links().for_each(Link::mend);
        }
        Kind::PostgresCutOff => {
            let link = lane.link(all[fault.target % all.len()].name(), Server::Postgres);
            link.cut();
            pause.await;
            link.mend();
        }
        Kind::ConnectionsEnded => run(lane, &[END_ALL]).await,
        Kind::ConnectionsUsedUp => {
            let taken = take_all(lane).await;
            pause.await;
            taken.close().await;
        }
        _ => {
            let table = HOT[fault.target % HOT.len()];
            let held = fault.lasts.as_secs_f64();
            let lock = format!("do $$ begin lock table {table}; perform pg_sleep({held}); end $$");
            run(lane, &[lock.as_str()]).await;
        }
    }
    Vec::new()
}

const RELOAD: &str = "select pg_reload_conf()";
const END_ALL: &str = "
select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'bookflow' and pid <> pg_backend_pid()";

/// On a connection of its own, in the lane's database.
async fn run(lane: &Lane, statements: &[&str]) {
    let mut connection = connect(lane).await;
    for statement in statements {
        let ran = sqlx::query(AssertSqlSafe(*statement)).execute(&mut connection).await;
        ran.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// The load may have taken every connection for a moment.
async fn connect(lane: &Lane) -> PgConnection {
    for _ in 0..100 {
        if let Ok(connection) = PgConnection::connect(lane.config().database.url.expose()).await {
            return connection;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("Postgres does not answer");
}

/// Ends everybody's connections and takes the free ones, so that nobody gets one back.
async fn take_all(lane: &Lane) -> PgPool {
    let options = PgPoolOptions::new().max_connections(MANY as u32).acquire_timeout(Duration::from_millis(300));
    let taken = options.connect_lazy(lane.config().database.url.expose()).expect("a Postgres URL");
    let (mut admin, mut held) = (connect(lane).await, Vec::new());
    for _ in 0..3 {
        sqlx::query(END_ALL).execute(&mut admin).await.expect("Postgres answers");
        held.extend(futures::future::join_all((0..MANY / 3).map(|_| taken.acquire())).await);
    }
    taken
}
