//! Metrics in Prometheus' text format, served on the process's own listener.

use std::time::Duration;

use kernel::{Clock, Result};
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::Role;

/// Seconds, for requests and runs: from a cached answer to a slow language model.
const DURATIONS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];
/// Seconds, for how late a job starts: finer where the promise is (15 ms and 60 ms).
const LATENESS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0];
/// Histograms gather their samples until this often.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Becomes the recorder of the process and notes which build it is.
    ///
    /// # Errors
    /// `internal-error` when there is a recorder already.
    pub fn install(role: Role, clock: &Clock) -> Result<Self> {
        let recorder = builder()?.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder)?;
        gauge!("bookflow_build_info", "version" => crate::VERSION, "role" => role.name()).set(1.0);
        gauge!("process_start_time_seconds").set(clock.machine_now().timestamp_millis() as f64 / 1000.0);
        Ok(Self(handle))
    }

    /// Everything recorded so far, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Keeps the histograms small while nobody scrapes. Never ends.
    pub async fn keep(self) -> Result<()> {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            self.0.run_upkeep();
        }
    }
}

fn builder() -> Result<PrometheusBuilder> {
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_lateness_seconds".into()), &LATENESS)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &DURATIONS)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_have_buckets_and_lateness_has_finer_ones() {
        let recorder = builder().unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("jobs_start_lateness_seconds").record(0.012);
            metrics::histogram!("http_request_duration_seconds").record(0.012);
        });
        let text = recorder.handle().render();
        assert!(text.contains(r#"jobs_start_lateness_seconds_bucket{le="0.015"} 1"#), "{text}");
        assert!(text.contains(r#"http_request_duration_seconds_bucket{le="0.025"} 1"#), "{text}");
        assert!(!text.contains(r#"http_request_duration_seconds_bucket{le="0.015"}"#), "{text}");
    }
}
