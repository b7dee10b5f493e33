//! What both processes take while there is nothing to do: memory, processor, and what the servers are asked.

use std::time::Duration;

use testkit::{Backing, Lane, LaneOptions};

use crate::{
    figures::{Figures, Rounds},
    processor,
};

const WATCHED: Duration = Duration::from_secs(20);
const ROUNDS: usize = 3;

/// Measures resident memory, processor time, and what the servers are asked while nothing happens.
pub async fn measure(figures: &mut Figures) {
    let options = LaneOptions { postgres: Backing::Private, ..LaneOptions::default() };
    let lane = Lane::start(options.env("JOB_LEASE", "10s")).await;
    count_statements(&lane).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut rounds = [Rounds::default(), Rounds::default(), Rounds::default()];
    for _ in 0..ROUNDS {
        watch(&lane, &mut rounds).await;
    }
    for (rounds, unit) in rounds.into_iter().zip(["MB", "%", "/s"]) {
        rounds.add_to(figures, unit);
    }
}

async fn watch(lane: &Lane, [memory, processor, asked]: &mut [Rounds; 3]) {
    let processes = [("web", lane.web(0).pid()), ("worker", lane.worker(0).pid())];
    let before: Vec<f64> = processes.iter().map(|(_, pid)| processor::seconds(*pid)).collect();
    let (commands, before_that) = (redis_commands(lane).await, statements(lane).await);
    tokio::time::sleep(WATCHED).await;
    for ((name, pid), before) in processes.into_iter().zip(before) {
        let share = (processor::seconds(pid) - before) / WATCHED.as_secs_f64() * 100.0;
        memory.note(format!("idle {name}: memory"), processor::resident_megabytes(pid));
        processor.note(format!("idle {name}: processor, of one core"), share);
    }
    let per_second = |count: f64| count / WATCHED.as_secs_f64();
    asked.note("idle: Redis commands, both processes", per_second(redis_commands(lane).await - commands));
    asked.note("idle: Postgres statements, both processes", per_second(statements(lane).await - before_that));
}

/// Postgres counts them by an extension, which it has to load when it starts.
async fn count_statements(lane: &Lane) {
    let pool = lane.db().pool();
    sqlx::query("alter system set shared_preload_libraries = 'pg_stat_statements'").execute(pool).await.unwrap();
    lane.postgres().restart_fast().await;
    let create = "create extension if not exists pg_stat_statements";
    for _ in 0..lane.config().database.max_connections {
        let _ = sqlx::query(create).execute(pool).await; // by a connection that the restart ended
    }
    sqlx::query(create).execute(pool).await.unwrap();
}

async fn redis_commands(lane: &Lane) -> f64 {
    let info = lane.redis().info("stats").await;
    let line = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:")).unwrap_or_default();
    line.trim().parse().unwrap_or_default()
}

/// Of the processes: what looks is left out.
async fn statements(lane: &Lane) -> f64 {
    lane.count("select sum(calls)::int8 from pg_stat_statements where query not like '%pg_stat_statements%'", []).await
        as f64
}
