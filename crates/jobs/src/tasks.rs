//! The one place that spawns: tasks have a name, and a panic in one is seen.

use std::{sync::LazyLock, time::Duration};

use futures::FutureExt;
use kernel::{Problem, Result, kinds};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The longest a statement of the engine may take: beyond, the connection counts as lost.
const STATEMENT: Duration = Duration::from_secs(10);

static PANICKED: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);

/// Spawns `work`. A panic in it is logged under `name`, and the process counts as broken: see [`panicked`].
pub(crate) fn spawn<F>(name: &'static str, work: F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    #[allow(clippy::disallowed_methods)] // the one place
    tokio::spawn(std::panic::AssertUnwindSafe(work).catch_unwind().map(move |ended| {
        if ended.is_err() {
            tracing::error!(task = name, "a background task panicked");
            PANICKED.cancel();
        }
    }))
}

/// Resolves when a background task has panicked: what it did is not done any more.
pub(crate) async fn panicked() {
    PANICKED.cancelled().await;
}

/// Spawns a job: its panic is the caller's to report.
pub(crate) fn spawn_job<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    #[allow(clippy::disallowed_methods)] // the one place
    tokio::spawn(work)
}

/// Runs a statement with a bound, so that a network that swallows everything does not stop the engine for good.
///
/// # Errors
/// What the statement reports; `unavailable` when it takes too long.
pub(crate) async fn bounded<T>(statement: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T> {
    match tokio::time::timeout(STATEMENT, statement).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(Problem::new(&kinds::UNAVAILABLE).detail("Postgres took too long")),
    }
}

/// Whether waiting may help: an outage, not a fault of ours.
pub(crate) fn is_outage(problem: &Problem) -> bool {
    problem.is(&kinds::UNAVAILABLE) || store::is_connection_loss(problem) || store::is_retryable(problem)
}

/// Logs why a background task did not get on: an outage passes (the heartbeat warns of it), anything else is a fault.
pub(crate) fn report(name: &'static str, problem: &Problem) {
    if is_outage(problem) {
        tracing::debug!(task = name, %problem, "has to wait");
    } else {
        tracing::error!(task = name, %problem, "does not get on");
    }
}
