//! What both processes take while there is nothing to do: memory, processor, and what the servers are asked.

use std::time::Duration;

use testkit::{Backing, Lane, LaneOptions};

use crate::{figures::Figures, processor};

const WATCHED: Duration = Duration::from_secs(20);

/// Measures resident memory, processor time, and what the servers are asked while nothing happens.
pub async fn measure(figures: &mut Figures) {
    let options = LaneOptions { postgres: Backing::Private, ..LaneOptions::default() };
    let lane = Lane::start(options.env("JOB_LEASE", "10s")).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let processes = [("web", lane.web(0).pid()), ("worker", lane.worker(0).pid())];
    let before: Vec<f64> = processes.iter().map(|(_, pid)| processor::seconds(*pid)).collect();
    let (commands, statements) = (redis_commands(&lane).await, transactions(&lane).await);
    tokio::time::sleep(WATCHED).await;
    for ((name, pid), before) in processes.into_iter().zip(before) {
        let share = (processor::seconds(pid) - before) / WATCHED.as_secs_f64() * 100.0;
        figures.add(&format!("idle {name}: memory"), processor::resident_megabytes(pid), "MB", "resident");
        figures.add(&format!("idle {name}: processor"), share, "%", "of one core");
    }
    let per_second = |count: f64| count / WATCHED.as_secs_f64();
    figures.add("idle: Redis commands", per_second(redis_commands(&lane).await - commands), "/s", "both processes");
    figures.add(
        "idle: Postgres transactions",
        per_second(transactions(&lane).await - statements),
        "/s",
        "both processes",
    );
}

async fn redis_commands(lane: &Lane) -> f64 {
    let info = lane.redis().info("stats").await;
    let line = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:")).unwrap_or_default();
    line.trim().parse().unwrap_or_default()
}

async fn transactions(lane: &Lane) -> f64 {
    let sql = "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()";
    lane.count(sql, []).await as f64
}
