//! What both processes take while there is nothing to do: memory and processor, from /proc (Linux).

use std::{fs, time::Duration};

use testkit::{Backing, Lane, LaneOptions};

use crate::figures::Figures;

const WATCHED: Duration = Duration::from_secs(20);
/// What `/proc/PID/stat` counts in: fixed at 100 on every Linux this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Measures resident memory, processor time, and what the servers are asked while nothing happens.
pub async fn measure(figures: &mut Figures) {
    let lane = Lane::start(LaneOptions { postgres: Backing::Private, ..LaneOptions::default() }).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let processes = [("web", lane.web(0).pid()), ("worker", lane.worker(0).pid())];
    let before: Vec<f64> = processes.iter().map(|(_, pid)| processor_seconds(*pid)).collect();
    let (commands, statements) = (redis_commands(&lane).await, transactions(&lane).await);
    tokio::time::sleep(WATCHED).await;
    for ((name, pid), before) in processes.into_iter().zip(before) {
        let share = (processor_seconds(pid) - before) / WATCHED.as_secs_f64() * 100.0;
        figures.add(&format!("idle {name}: memory"), resident_megabytes(pid), "MB", "resident");
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

fn processor_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold blanks; utime and stime are the 14th and 15th fields.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields.iter().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}

fn resident_megabytes(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
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
