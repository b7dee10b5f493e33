//! What happens to a process, and to the machine it runs on.

use std::time::Duration;

use testkit::{Lane, Service};

use crate::script::{Fault, Kind, WORKERS};

/// How long a process may take to stop in order: its grace of five seconds, and a moment.
const STOPS_WITHIN: Duration = Duration::from_secs(8);

/// Returns what it did wrong meanwhile.
pub async fn inflict(lane: &Lane, fault: &Fault) -> Vec<String> {
    let all: Vec<&Service> = lane.services().collect();
    let process = all[fault.target % all.len()];
    let mut wrong = Vec::new();
    match fault.kind {
        Kind::Killed => {
            process.kill9();
            tokio::time::sleep(fault.lasts).await;
        }
        Kind::Stopped => {
            wrong.extend(stop(process).await);
            tokio::time::sleep(fault.lasts).await;
        }
        Kind::Frozen => {
            process.sigstop();
            tokio::time::sleep(fault.lasts).await;
            process.sigcont();
            return wrong;
        }
        Kind::LogDiskFull => {
            process.fill_disk();
            process.restart_unready().await;
            tokio::time::sleep(fault.lasts).await;
            wrong.extend(process.ended().map(|how| format!("{} ended without its logs: {how}", process.name())));
            process.clear_disk();
        }
        Kind::WrongClock => {
            let worker = lane.worker(fault.target % WORKERS);
            let ahead = if fault.target.is_multiple_of(2) { 30 } else { -30 };
            worker.set_clock(ahead);
            tokio::time::sleep(fault.lasts).await;
            worker.set_clock(0);
            return wrong;
        }
        _ => {
            for process in all {
                wrong.extend(stop(process).await);
                process.restart_unready().await;
                ready(process).await;
            }
            return wrong;
        }
    }
    process.restart_unready().await;
    wrong
}

/// SIGTERM; says so when it does not end in order.
async fn stop(process: &Service) -> Option<String> {
    process.sigterm();
    match tokio::time::timeout(STOPS_WITHIN, process.wait()).await {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("{} did not stop in order: {status}", process.name())),
        Err(_) => Some(format!("{} has not stopped within {STOPS_WITHIN:?}", process.name())),
    }
}

/// As a deployment does before it goes on to the next one; it does not wait for ever.
async fn ready(process: &Service) {
    for _ in 0..50 {
        if process.is_ready().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
