//! One look at each thing the process depends on, with the time it took.

use std::time::Duration;

use kernel::{Problem, Result};
use serde::Serialize;
use store::{Db, SchemaState};
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;

/// The longest that one check may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether a dependency can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It answers.
    Up,
    /// It does not, or not in time.
    Down,
}

/// What one check found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Check {
    /// Whether it can be used.
    pub status: Status,
    /// How long the answer took, in milliseconds.
    #[schema(minimum = 0.0, example = 0.8)]
    pub latency_ms: f64,
    /// What is wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Times `look` and turns its outcome into words; what the cause says stays inside.
pub async fn check(look: impl Future<Output = Result<(), String>>) -> Check {
    let began = Instant::now();
    let outcome = timeout(PATIENCE, look).await.unwrap_or_else(|_| Err("no answer in time".into()));
    Check {
        status: if outcome.is_ok() { Status::Up } else { Status::Down },
        latency_ms: (began.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        reason: outcome.err(),
    }
}

/// Whether Postgres answers.
pub async fn postgres(db: &Db) -> Result<(), String> {
    db.ping().await.map_err(|_| "cannot be reached".to_owned())
}

/// Whether the schema is the one this program was written for.
pub async fn schema(db: &Db) -> Result<(), String> {
    match db.schema().await {
        Ok(SchemaState::Current) => Ok(()),
        Ok(SchemaState::Older { missing }) => Err(format!("migrations missing: {missing}")),
        Err(_) => Err("Postgres cannot be reached".into()),
    }
}

/// The words for a problem that an operator may see: the kind, never the cause.
pub fn words(problem: &Problem) -> String {
    problem.detail_text().unwrap_or(problem.kind().title).to_owned()
}
