//! What the engine's tests look at: drills that leave one row for each effect, and how often each effect exists.

use std::time::Duration;

use jobs::{Effect, Enqueue, Noop};
use kernel::ExecutionId;
use store::{Db, Tx};
use testkit::Lane;

/// A drill that runs for `ms` and leaves one effect.
pub fn drill(ms: u64) -> Noop {
    Noop { sleep_ms: Some(ms), effect: Some(Effect::Row), ..Noop::default() }
}

/// Enqueues over `db` as a request does: with its tickets pushed if somebody listens to `db`.
pub async fn enqueue_over(db: &Db, job: &Noop, options: Enqueue) -> kernel::Result<ExecutionId> {
    Ok(db.tx(async |tx: Tx| jobs::enqueue(&tx, job, options.clone()).await).await?.id)
}

/// Enqueues `count` drills over `pause` each, going on through outages as a client that retries does.
pub async fn load(db: &Db, count: usize, pause: Duration) -> Vec<ExecutionId> {
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        if let Ok(id) = enqueue_over(db, &drill(5), Enqueue::now()).await {
            ids.push(id);
        }
        tokio::time::sleep(pause).await;
    }
    ids
}

/// Waits until nothing waits or runs, then proves that every drill left its effect, and only once.
pub async fn nothing_lost_nothing_twice(lane: &Lane, expected: usize, patience: Duration) {
    lane.eventually(patience, async || {
        let open = "select count(*) from executions where kind = 'engine.noop' and state in ('queued', 'running')";
        lane.count(open, []).await == 0
    })
    .await;
    let expected = i64::try_from(expected).unwrap();
    let done = "select count(*) from executions where kind = 'engine.noop' and state = 'succeeded'";
    let effects = "select count(*) from drill_effects";
    let distinct = "select count(distinct execution_id) from drill_effects";
    assert_eq!(lane.count(done, []).await, expected, "executions that succeeded");
    assert_eq!(lane.count(distinct, []).await, expected, "executions with an effect");
    assert_eq!(lane.count(effects, []).await, expected, "effects");
}

/// Waits until an execution has been running for a moment.
pub async fn running(lane: &Lane, id: ExecutionId) {
    lane.wait_for(id, "running", Duration::from_secs(10)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
}
