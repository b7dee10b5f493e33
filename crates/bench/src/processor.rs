//! What processes use of the machine: processor time and memory, from /proc (Linux).

use std::fs;

use testkit::Lane;

/// What `/proc/PID/stat` counts in: fixed at 100 on every Linux this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of processor time used so far.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    pub workers: f64,
    pub postgres: f64,
    pub redis: f64,
}

impl Used {
    /// By the workers and servers of `lane`, of which `workers` are looked at.
    pub async fn by(lane: &Lane, workers: usize) -> Self {
        let info = lane.redis().info("server").await;
        let redis =
            info.lines().find_map(|line| line.strip_prefix("process_id:")).and_then(|pid| pid.trim().parse().ok());
        let backend = lane.count("select pg_backend_pid()::int8", []).await as u32;
        Self {
            workers: (0..workers).map(|index| seconds(lane.worker(index).pid())).sum(),
            postgres: family(parent(backend)),
            redis: redis.map(seconds).unwrap_or_default(),
        }
    }

    /// What was used between `earlier` and this, for each of `jobs`, in microseconds.
    pub fn per_job(self, earlier: Self, jobs: usize) -> Self {
        let each = |now: f64, then: f64| (now - then) * 1e6 / jobs as f64;
        Self {
            workers: each(self.workers, earlier.workers),
            postgres: each(self.postgres, earlier.postgres),
            redis: each(self.redis, earlier.redis),
        }
    }

    pub fn total(self) -> f64 {
        self.workers + self.postgres + self.redis
    }
}

/// Seconds of processor time that `pid` has used.
pub fn seconds(pid: u32) -> f64 {
    ticks(pid, 11..13)
}

/// With its children, those that have ended too.
fn family(pid: u32) -> f64 {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ticks(pid, 11..15) + pids.filter(|child| parent(*child) == pid).map(seconds).sum::<f64>()
}

fn parent(pid: u32) -> u32 {
    stat(pid).get(1).and_then(|field| field.parse().ok()).unwrap_or_default()
}

fn ticks(pid: u32, fields: std::ops::Range<usize>) -> f64 {
    let stat = stat(pid);
    stat.get(fields).unwrap_or_default().iter().filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>()
        / TICKS_PER_SECOND
}

/// The fields after the name in parentheses, which may hold blanks: the state is the first one.
fn stat(pid: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// The memory of `pid` that is resident, in megabytes.
pub fn resident_megabytes(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}
