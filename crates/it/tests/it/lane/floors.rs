//! A transaction that is open for long keeps what is dead: it hides nothing that is alive.

use std::time::Duration;

use sqlx::Acquire;
use testkit::{Lane, LaneOptions};

/// A dear search is made whole again within a minute at the latest; one over so few, sooner.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_lies_below_the_dead_entries_that_a_long_transaction_keeps_is_found() {
    let lane = Lane::start(LaneOptions { webs: 0, ..LaneOptions::default() }).await;
    let mut connection = lane.db().pool().acquire().await.unwrap();
    let mut held = connection.begin().await.unwrap();
    let open = "set transaction isolation level repeatable read; select count(*) from executions";
    sqlx::raw_sql(open).execute(&mut *held).await.unwrap();
    sqlx::raw_sql(DEAD).execute(&**lane.db().pool()).await.unwrap();
    // Meanwhile the searches of the whole have become dear, and others begin above.
    tokio::time::sleep(Duration::from_secs(4)).await;
    sqlx::raw_sql(LEFT).execute(&**lane.db().pool()).await.unwrap();
    lane.eventually(PATIENCE, async || lane.count(DONE, []).await == 3).await;
    held.rollback().await.unwrap();
}

/// In one transaction, so that nobody ever sees them alive: entries in each index of what is hot.
const DEAD: &str = "
insert into executions (id, kind, queue, args, state, max_attempts, run_at, trigger, correlation_id, created_at)
select gen_random_uuid(), 'test.dead', 'default', '{}', 'queued', 1, now() - interval '10 minutes', 'api', n, now()
from generate_series(1, 150000) n;
update executions set dispatched_at = run_at;
update executions set state = 'running', lease_until = run_at;
update executions set state = 'succeeded';";

/// What nobody pushed, whose ticket got lost, and whose worker died, long ago.
const LEFT: &str = "
insert into executions (id, kind, queue, args, state, max_attempts, run_at, dispatched_at, lease_until, trigger, correlation_id, created_at)
select gen_random_uuid(), 'engine.noop', 'default', '{}', state, 2, at, dispatched_at, lease_until, 'api', state, at
from (select now() - interval '1 hour' as at) hour,
     lateral (values ('queued', null, null), ('queued', at, null), ('running', at, at)) as left_by (state, dispatched_at, lease_until)";

const DONE: &str = "select count(*) from executions where kind = 'engine.noop' and state = 'succeeded'";
