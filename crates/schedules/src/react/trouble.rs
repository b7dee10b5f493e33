//! What a failed execution does to its schedule: a pause where that is asked for, and the failure of a single run.

use jobs::Registry;
use kernel::Result;
use store::{Sql, Tx};
use uuid::Uuid;

use super::Event;
use crate::change::{Transition, hold};

/// Who makes these changes.
const ENGINE: &str = "engine";

/// # Errors
/// `unavailable` when Postgres is away.
pub(super) async fn failed(tx: &Tx, registry: &Registry, event: &Event) -> Result<()> {
    let reason = format!("execution {} failed", event.execution_id);
    if matches!(event.schedule_type.as_str(), "one_time" | "immediate") {
        tx.run(SINGLE_FAILED, [event.schedule_id.into(), reason.into(), tx.now().into()]).await?;
        return Ok(());
    }
    if !event.pause_on_failure {
        return Ok(());
    }
    pause(tx, registry, (event.schedule_id, &reason)).await
}

/// Pauses a schedule that is active, for this reason; the due times until it is resumed are skipped.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn pause(tx: &Tx, registry: &Registry, (schedule, reason): (Uuid, &str)) -> Result<()> {
    let held = match hold(tx, registry, schedule.into()).await {
        Ok(held) => held,
        Err(problem) if problem.is(&kernel::kinds::NOT_FOUND) => return Ok(()),
        Err(problem) => return Err(problem),
    };
    if held.row.state == "active" {
        tracing::warn!(schedule = held.row.name, reason, "paused");
        let paused = Transition { state: "paused", reason: Some(reason), next_run_at: None, by: ENGINE };
        held.transition(tx, paused).await?;
    }
    Ok(())
}

const SINGLE_FAILED: &str = "
update schedules set state = 'failed', state_reason = $2, updated_at = $3, version = version + 1
where id = $1 and state = 'completed' and deleted_at is null";
