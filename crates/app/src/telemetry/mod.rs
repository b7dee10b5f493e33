//! What the processes say about themselves: log lines and metrics.

mod logs;
mod metrics;

pub use self::{logs::start as start_logs, metrics::Metrics};
