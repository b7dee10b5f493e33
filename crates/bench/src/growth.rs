//! What a long history and a long transaction do to the drain rate. Takes half an hour and some twenty gigabytes.

use sqlx::Connection;
use testkit::Lane;

use crate::{
    backlog::{drain, lane},
    figures::{Figures, Rounds},
};

/// Finished executions.
const HISTORY: i64 = 10_000_000;
const JOBS: usize = 20_000;
const ROUNDS: usize = 3;
/// Rounds with a transaction held open: as many jobs as an hour at 500 a second.
const HELD: usize = 90;

/// Measures with an empty table, with the history, and with a transaction that holds every dead row.
pub async fn measure(figures: &mut Figures) {
    let lane = lane(1).await;
    let producer = lane.producer();
    let mut rounds = Rounds::default();
    drain(&lane, &producer, (1, JOBS)).await;
    for _ in 0..ROUNDS {
        rounds.note("growth: drain, empty table", drain(&lane, &producer, (1, JOBS)).await);
    }
    let mut holding = sqlx::PgConnection::connect(lane.config().database.url.expose()).await.unwrap();
    sqlx::query("begin isolation level repeatable read").execute(&mut holding).await.unwrap();
    sqlx::query("select count(*) from schedules").execute(&mut holding).await.unwrap();
    for round in 0..HELD {
        let rate = drain(&lane, &producer, (1, JOBS)).await;
        if round >= HELD - ROUNDS {
            rounds.note("growth: drain, with a transaction open for 1 800 000 jobs", rate);
        }
    }
    sizes(figures, &lane, "with a transaction open").await;
    sqlx::query("rollback").execute(&mut holding).await.unwrap();
    history(&lane).await;
    for _ in 0..ROUNDS {
        rounds.note("growth: drain, after 10 000 000", drain(&lane, &producer, (1, JOBS)).await);
    }
    rounds.add_to(figures, "jobs/s");
    sizes(figures, &lane, "after 10 000 000").await;
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

async fn sizes(figures: &mut Figures, lane: &Lane, when: &str) {
    let megabytes = |bytes: i64| bytes as f64 / 1e6;
    let table = lane.count("select pg_table_size('executions')", []).await;
    let indexes = lane.count("select pg_indexes_size('executions')", []).await;
    let dead = lane.count("select n_dead_tup from pg_stat_user_tables where relname = 'executions'", []).await;
    figures.add(&format!("growth: table, {when}"), megabytes(table), "MB", format!("{dead} dead rows"));
    figures.add(&format!("growth: indexes, {when}"), megabytes(indexes), "MB", "");
}
