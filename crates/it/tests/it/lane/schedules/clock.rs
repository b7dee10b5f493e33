//! A worker on a machine whose clock is wrong.

use chrono::{TimeDelta, Timelike};
use store::Sql;
use testkit::{Ground, Lane, LaneOptions, Planned};

use super::{each_due_time_is_accounted_for_once, entries, insert_all, quiet, reaches, stop};

/// By the database's own clock, whatever the processes believe.
const STAMPS: [&str; 2] = [
    "alter table executions add column really_at timestamptz default clock_timestamp()",
    "alter table drill_effects add column really_at timestamptz default clock_timestamp()",
];

const EARLY: &str = "
select count(*) from executions e left join drill_effects d on d.execution_id = e.id
where e.schedule_id is not null and least(e.really_at, d.really_at) < e.scheduled_for";

#[tokio::test]
async fn with_a_clock_that_is_half_a_minute_ahead_nothing_is_early_and_nothing_happens_twice() {
    let lane = Lane::start(LaneOptions { webs: 0, workers: 2, ..LaneOptions::default() }.ahead(1, 30)).await;
    for stamp in STAMPS {
        lane.db().conn().run(stamp, []).await.unwrap();
    }
    let skewed = "select count(*) from processes where clock_skew_ms between -31000 and -29000";
    assert_eq!(lane.count(skewed, []).await, 1, "one of them measured that it is ahead");
    let anchor = lane.db().clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(2);
    let planned: Vec<Planned> = (0..10).map(|_| Planned::every(1, anchor).catch_up("all").takes(50)).collect();
    let ids = insert_all(&lane, &planned).await;
    reaches(&lane, ids[0], "succeeded", 3).await;
    // Then it is alone.
    lane.worker(0).kill9();
    reaches(&lane, ids[0], "succeeded", 6).await;
    stop(&lane).await;
    quiet(&lane).await;
    for (id, planned) in ids.iter().zip(&planned) {
        assert!(each_due_time_is_accounted_for_once(&lane, *id, planned).await >= 6);
        for entry in entries(&lane, *id).await {
            assert_eq!((entry.state.as_str(), entry.effects, entry.covers_to), ("succeeded", 1, None), "{entry:#?}");
        }
    }
    assert_eq!(lane.count(EARLY, []).await, 0, "by the database's clock");
}

#[tokio::test]
async fn a_clock_that_is_set_while_the_worker_runs_makes_nothing_early_and_costs_no_attempt() {
    let lane = Lane::start(LaneOptions { webs: 0, workers: 2, ground: Ground::Shaky, ..LaneOptions::default() }).await;
    for stamp in STAMPS {
        lane.db().conn().run(stamp, []).await.unwrap();
    }
    let anchor = lane.db().clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(1);
    let planned: Vec<Planned> = (0..5).map(|_| Planned::every(1, anchor).catch_up("all").takes(600)).collect();
    let ids = insert_all(&lane, &planned).await;
    for ahead in [30, -30, 0] {
        lane.worker(0).set_clock(ahead);
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
    stop(&lane).await;
    quiet(&lane).await;
    for (id, planned) in ids.iter().zip(&planned) {
        assert!(each_due_time_is_accounted_for_once(&lane, *id, planned).await >= 5);
        for entry in entries(&lane, *id).await {
            assert_eq!((entry.state.as_str(), entry.effects, entry.attempt), ("succeeded", 1, 1), "{entry:#?}");
        }
    }
    assert_eq!(lane.count(EARLY, []).await, 0, "by the database's clock");
}
