//! Recurring jobs that are declared in code: static schedules.

use std::time::Duration;

use jobs::Job;
use serde_json::Value;

/// A recurring job as a domain declares it. At start it is upserted into `schedules`, so that the API and the console
/// see one list.
#[derive(Clone, Debug)]
pub struct Recurring {
    /// Unique, stable: `daily_otp_cleanup`.
    pub name: &'static str,
    /// For people: what it does and why then.
    pub description: &'static str,
    /// A cron expression.
    pub cron: &'static str,
    /// The kind of job to run.
    pub kind: &'static str,
    /// Its arguments.
    pub args: Value,
    /// Later than this after its due time, an occurrence counts as missed; `None`: never too late.
    pub misfire_grace: Option<Duration>,
}

impl Recurring {
    /// Runs `job` at each time of `cron` in UTC. After a downtime it runs once, however late; while one run is still
    /// going the next is skipped.
    pub fn new<J: Job>(name: &'static str, cron: &'static str, job: &J) -> Self {
        let args = serde_json::to_value(job).unwrap_or_default();
        Self { name, description: "", cron, kind: J::KIND, args, misfire_grace: None }
    }

    /// Says what it does.
    pub fn describe(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Does not run when it would be later than `grace`.
    pub fn misfire_grace(mut self, grace: Duration) -> Self {
        self.misfire_grace = Some(grace);
        self
    }
}
