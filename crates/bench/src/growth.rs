//! What a long history and a long transaction do to the drain rate. Takes half an hour and some twenty gigabytes.

use sqlx::{Connection, PgConnection};
use testkit::Lane;

use crate::{
    backlog::{drain, lane},
    figures::{Figures, Rounds},
};

/// Finished executions.
const HISTORY: i64 = 10_000_000;
const JOBS: usize = 20_000;
const ROUNDS: usize = 3;
/// Rounds of a long run: as many jobs as an hour at 500 a second.
const LONG: usize = 90;
/// The rounds at its end that count.
const LAST: usize = 9;

/// Measures with an empty table, at the end of a long run without and with a transaction that holds every dead row, and with the
/// history.
pub async fn measure(figures: &mut Figures) {
    let lane = lane(1).await;
    let producer = lane.producer();
    let mut rounds = Rounds::default();
    drain(&lane, &producer, (1, JOBS)).await;
    for _ in 0..ROUNDS {
        rounds.note("growth: drain, empty table", drain(&lane, &producer, (1, JOBS)).await);
    }
    long_run(&lane, &mut rounds, "growth: drain, after 1 800 000 jobs").await;
    sizes(figures, &lane, "after 1 800 000 jobs").await;
    let mut holding = open_transaction(&lane).await;
    long_run(&lane, &mut rounds, "growth: drain, after 1 800 000 with a transaction open").await;
    sizes(figures, &lane, "with a transaction open").await;
    sqlx::query("rollback").execute(&mut holding).await.unwrap();
    history(&lane).await;
    for _ in 0..ROUNDS {
        rounds.note("growth: drain, after 10 000 000", drain(&lane, &producer, (1, JOBS)).await);
    }
    rounds.add_to(figures, "jobs/s");
    sizes(figures, &lane, "after 10 000 000").await;
}

/// From now on nothing that dies can be cleared away, until it is rolled back.
pub async fn open_transaction(lane: &Lane) -> PgConnection {
    let mut holding = PgConnection::connect(lane.config().database.url.expose()).await.unwrap();
    sqlx::query("begin isolation level repeatable read").execute(&mut holding).await.unwrap();
    sqlx::query("select count(*) from schedules").execute(&mut holding).await.unwrap();
    holding
}

async fn long_run(lane: &Lane, rounds: &mut Rounds, name: &'static str) {
    let producer = lane.producer();
    for round in 0..LONG {
        let rate = drain(lane, &producer, (1, JOBS)).await;
        if round >= LONG - LAST {
            rounds.note(name, rate);
        }
    }
}

async fn history(lane: &Lane) {
    let per_statement = 250_000;
    for _ in 0..HISTORY / per_statement {
        sqlx::query(FINISHED).bind(per_statement).execute(lane.db().pool()).await.unwrap();
    }
    sqlx::query("vacuum analyze executions").execute(lane.db().pool()).await.unwrap();
}

const FINISHED: &str = "
insert into executions (id, kind, queue, args, state, attempt, max_attempts, run_at, dispatched_at, started_at, finished_at,
                        duration_ms, trigger, correlation_id, created_at)
select id, 'bench.history', 'default', jsonb_build_object('padding', repeat('x', 180)), 'succeeded', 1, 5, at, at, at, at, 1, 'api',
       id::text, at
from (select (substr(ms, 1, 8) || '-' || substr(ms, 9) || '-7' || substr(gen_random_uuid()::text, 16))::uuid as id, at
      from (select at, lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') as ms
            from (select now() - random() * interval '6 days' as at from generate_series(1, $1::int8)) times) keys) ids";

/// How large the table is.
pub async fn sizes(figures: &mut Figures, lane: &Lane, when: &str) {
    let megabytes = |bytes: i64| bytes as f64 / 1e6;
    let table = lane.count("select pg_table_size('executions')", []).await;
    let indexes = lane.count("select pg_indexes_size('executions')", []).await;
    let dead = lane.count("select n_dead_tup from pg_stat_user_tables where relname = 'executions'", []).await;
    figures.add(&format!("table, {when}"), megabytes(table), "MB", format!("{dead} dead rows"));
    figures.add(&format!("indexes, {when}"), megabytes(indexes), "MB", "");
}
