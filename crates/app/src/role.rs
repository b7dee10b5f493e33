//! Which of the two processes this is.

use std::fmt;

/// One of the two processes of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Serves the HTTP API and enqueues work. Never runs a job.
    Web,
    /// Runs the jobs. Its listener has health and metrics only.
    Worker,
}

impl Role {
    /// Its name in logs, metrics and `processes`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Worker => "worker",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
