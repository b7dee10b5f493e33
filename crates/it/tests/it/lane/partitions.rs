//! The optional partitioning of `executions` (docs/scaling.md): put in place under load, with everything going on as before.

use std::time::Duration;

use chrono::{TimeDelta, Timelike};
use jobs::{Enqueue, Noop, Trouble};
use kernel::ExecutionId;
use schedules::DeleteOldExecutions;
use sea_orm::ConnectionTrait;
use store::{Db, Sql, Tx};
use testkit::{Lane, LaneOptions, Planned, TestApp};
use uuid::Uuid;

use super::{
    effects::{drill, enqueue_over, load, nothing_lost_nothing_twice, running},
    schedules::{each_due_time_is_accounted_for_once, insert_all, quiet, reaches, stop},
};

const PARTITIONING: &str = include_str!("../../../../../docs/scaling/partitioning.sql");
const PATIENCE: Duration = Duration::from_secs(40);

async fn partition(db: &Db) {
    db.tx(async |tx: Tx| Ok(tx.execute_unprepared(PARTITIONING).await?)).await.unwrap();
}

fn with_key(key: &str, job: Noop) -> Noop {
    Noop { key: Some(key.to_owned()), ..job }
}

/// A unique job that waits or runs is enqueued once; its key is free when it has ended, and a retry by hand has to take it.
async fn unique_jobs_stay_unique(lane: &Lane, producer: &Db, before: ExecutionId) {
    let again = enqueue_over(producer, &with_key("before", drill(1)), Enqueue::now()).await.unwrap();
    assert_eq!(again, before, "it was waiting when the table was partitioned");
    let fatal = with_key("k", Noop { fail: Some(Trouble::Fatal), ..Noop::default() });
    let failed = enqueue_over(producer, &fatal, Enqueue::now()).await.unwrap();
    lane.wait_for(failed, "failed", PATIENCE).await;
    let later = Enqueue::after(Duration::from_secs(3600));
    let waits = enqueue_over(producer, &with_key("k", drill(1)), later.clone()).await.unwrap();
    assert_ne!(waits, failed, "its key is free");
    assert_eq!(enqueue_over(producer, &with_key("k", drill(1)), later).await.unwrap(), waits);
    let retry = async || producer.tx(async |tx: Tx| jobs::executions::retry(&tx, failed, "test").await).await;
    let refused = retry().await.unwrap_err();
    assert!(refused.detail_text().unwrap_or_default().contains("unique key"), "{refused:?}");
    producer.tx(async |tx: Tx| jobs::executions::cancel(&tx, waits, "test").await).await.unwrap();
    retry().await.unwrap();
    lane.wait_for(failed, "failed", PATIENCE).await;
    lane.db().conn().run("delete from executions where id = any($1)", [vec![failed.0, waits.0].into()]).await.unwrap();
}

/// An occurrence that is there already is left out.
async fn an_occurrence_is_enqueued_once(lane: &Lane, schedule: Uuid) {
    let again = "
        insert into executions (id, kind, queue, args, state, max_attempts, run_at, trigger, correlation_id, created_at,
                                schedule_id, scheduled_for)
        select $2, kind, queue, args, 'queued', 1, run_at, 'schedule', '', created_at, schedule_id, scheduled_for
        from executions where schedule_id = $1 limit 1
        on conflict do nothing";
    let values = [schedule.into(), Uuid::now_v7().into()];
    assert_eq!(lane.db().conn().run(again, values).await.unwrap(), 0);
}

#[tokio::test]
async fn executions_are_partitioned_under_load_and_everything_goes_on() {
    let lane = Lane::start(LaneOptions { workers: 2, ..LaneOptions::default() }).await;
    let producer = lane.producer();
    let anchor = lane.db().clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(1);
    let planned: Vec<Planned> = (0..5).map(|_| Planned::every(1, anchor).catch_up("all")).collect();
    let ids = insert_all(&lane, &planned).await;
    let later = Enqueue::after(Duration::from_secs(15));
    let before = enqueue_over(&producer, &with_key("before", drill(1)), later).await.unwrap();
    let (enqueued, ()) = tokio::join!(load(&producer, 200, Duration::from_millis(15)), async {
        reaches(&lane, ids[0], "succeeded", 2).await;
        partition(lane.db()).await;
    });
    assert_eq!(lane.count("select count(*) from pg_partitioned_table", []).await, 1);
    unique_jobs_stay_unique(&lane, &producer, before).await;
    an_occurrence_is_enqueued_once(&lane, ids[0]).await;
    let retried = Noop { fail: Some(Trouble::Once), ..drill(1) };
    let retried = enqueue_over(&producer, &retried, Enqueue::after(Duration::from_secs(1))).await.unwrap();
    let rescued = enqueue_over(&producer, &drill(2500), Enqueue::now()).await.unwrap();
    running(&lane, rescued).await;
    lane.worker(0).kill9();
    lane.worker(1).restart().await; // whichever had it
    assert_eq!(lane.wait_for(rescued, "succeeded", PATIENCE).await.attempt, 2);
    assert_eq!(lane.wait_for(retried, "succeeded", PATIENCE).await.attempt, 2);
    lane.wait_for(before, "succeeded", PATIENCE).await;
    stop(&lane).await;
    quiet(&lane).await;
    let mut due = 0;
    for (id, planned) in ids.iter().zip(&planned) {
        due += each_due_time_is_accounted_for_once(&lane, *id, planned).await;
    }
    nothing_lost_nothing_twice(&lane, enqueued.len() + due + 3, PATIENCE).await;
    assert_eq!(lane.count("select count(*) from execution_unique_keys", []).await, 0);
    a_partition_that_is_over_is_dropped(&lane).await;
}

/// A hundred days later, everything of today is older than the retention.
async fn a_partition_that_is_over_is_dropped(lane: &Lane) {
    let roll = "select roll_executions(now() + interval '100 days', now() + interval '100 days')::bigint";
    let waits = enqueue_over(lane.db(), &drill(1), Enqueue::after(Duration::from_secs(3600))).await.unwrap();
    while lane.count(roll, []).await > 0 {} // those that are empty
    let ended = "select count(*) from executions where kind = 'engine.noop' and state = 'succeeded'";
    assert!(lane.count(ended, []).await > 0 && lane.execution(waits).await.is_some(), "what waits is kept");
    lane.db().tx(async |tx: Tx| jobs::executions::cancel(&tx, waits, "test").await).await.unwrap();
    assert_eq!(lane.count(roll, []).await, 1);
    assert_eq!(lane.count("select count(*) from executions", []).await, 0);
    assert_eq!(lane.count("select count(*) from execution_occurrences", []).await, 0);
}

#[tokio::test]
async fn the_retention_job_makes_the_partitions_to_come() {
    let app = TestApp::start().await;
    app.enqueue(&Noop::default(), Enqueue::now()).await;
    partition(app.db()).await;
    app.drain_jobs().await;
    let last = "select max(to_at) from execution_partitions";
    let before: Option<chrono::DateTime<chrono::Utc>> = app.db().conn().scalar(last, []).await.unwrap();
    app.clock().set(before.unwrap());
    app.enqueue(&DeleteOldExecutions {}, Enqueue::now()).await;
    app.drain_jobs().await;
    let after: Option<chrono::DateTime<chrono::Utc>> = app.db().conn().scalar(last, []).await.unwrap();
    let gained = after.unwrap() - before.unwrap();
    assert!(gained > TimeDelta::days(88), "{gained} more");
    let runs = app.executions("engine.delete_old_executions").await;
    assert_eq!(runs[0].state, "succeeded", "{:?}", runs[0].errors);
}
